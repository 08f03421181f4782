//! A job that three hosts have in their schedules, and that one of them runs.
//!
//! `cargo run -p nightly-job`, with a `redis-server` or `valkey-server` on the PATH; `-- --ticks 100
//! --kill-every 10` for more of it. It checks what it shows: the exit code is 1 if a tick was run twice,
//! or missed without a reason, and 2 if there is no server.

mod crew;
mod host;
mod job;
mod ledger;
mod message;
mod orders;
mod scene;

use std::env;
use std::process::ExitCode;

use crew::{Crew, HOST};
use examples::{NO_SERVER, Result, Server, interrupted};
use ledger::Sums;
use orders::Orders;
use scene::{HOSTS, Remains};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let ended = match &*arguments {
        // This program again, as one of the hosts.
        [word, url] if word == HOST => host::run(url).await.map(|()| ExitCode::SUCCESS),
        arguments => match Orders::parse(arguments) {
            Ok(orders) => show(&orders).await,
            Err(error) => Err(error.into()),
        },
    };
    ended.unwrap_or_else(|error| {
        eprintln!("nightly_job: {error}");
        ExitCode::FAILURE
    })
}

async fn show(orders: &Orders) -> Result<ExitCode> {
    let Some(server) = Server::private("nightly_job").await? else {
        return Ok(ExitCode::from(NO_SERVER));
    };
    tokio::select! {
        shown = play(&server, orders) => shown,
        told = interrupted() => told.map(|never| match never {}),
    }
}

async fn play(server: &Server, orders: &Orders) -> Result<ExitCode> {
    let Orders { ticks, kill_every } = *orders;
    println!(
        "{HOSTS} processes, each with the schedule \"{}\", run {ticks} ticks of a job; then {ticks} more, while \
         the one\nthat runs it is killed in the middle of one run in {kill_every}\n\n{}",
        job::SCHEDULE,
        Sums::HEAD,
    );
    let mut crew = Crew::new(server.url());
    scene::gather(&mut crew).await?;
    let mut objections = Vec::new();
    let plain = scene::play(&mut crew, ticks, None).await?;
    println!("left alone            {}", plain.sums());
    let killed = scene::play(&mut crew, ticks, Some(kill_every)).await?;
    println!("killed in the middle  {}", killed.sums());
    let Remains { ended, keys, gone } = scene::end(&mut crew, server.url()).await?;
    println!(
        "\nSIGTERM in the middle of a run: it was finished, {ended} of {HOSTS} processes ended in good order, and\n\
         {keys} key was left, that of the job's own `min_hold`, for {} ms more",
        gone.as_millis(),
    );
    for ledger in [&plain, &killed] {
        objections.extend(ledger.objections());
    }
    // None where the end took longer than that.
    if ended != HOSTS || keys > 1 {
        objections.push("processes did not end as they should".to_owned());
    }
    for objection in &objections {
        eprintln!("not as it should be: {objection}");
    }
    let (alone, cut) = (plain.sums(), killed.sums());
    println!(
        "\nnightly_job: {} ticks, {} runs, {} twice, {} missed; with {} kills {} ticks, {} runs, {} cut, {} twice, {} missed",
        alone.ticks,
        alone.runs,
        alone.twice,
        alone.missed,
        killed.kills,
        cut.ticks,
        cut.runs,
        cut.cut,
        cut.twice,
        cut.missed,
    );
    Ok(if objections.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
