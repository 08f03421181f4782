//! c: many tasks, a key each.

use std::sync::Arc;
use std::time::Duration;

use redis::RedisError;
use tests::Server;

use crate::bench::{Bench, Error};
use crate::careful::Careful;
use crate::contender::Shared;
use crate::floor::Floor;
use crate::report::server_version;
use crate::round::{alternate, greedy};
use crate::spread::{Spread, percentile, short};
use crate::table::Bound;

const ROW: char = 'c';
const TASKS: usize = 64;
const SLICE: Duration = Duration::from_millis(300);

/// Programs of servers that compare and delete by a command of their own, one a line.
const NATIVE_SERVERS: &str = "LOCK_BENCH_NATIVE_SERVERS";

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(ROW, "64 tasks, distinct keys");
    let [ours, floor, careful] = measure(bench, &bench.server, async |url, _| {
        let careful: Shared = Arc::new(Careful::connect(url).await?);
        Ok(careful)
    })?;
    let figure = "throughput of 64 tasks, against the floor";
    show(bench, figure, &ours, &floor, Some(0.95));
    let figure = "by hand with names and time limits, against the floor";
    show_other(bench, figure, &careful, &floor);
    let figure = "throughput, against by hand with names and time limits";
    show(bench, figure, &ours, &careful, None);
    bench.table.note(
        ROW,
        "nothing is waited for and the answers of many tasks come in one read, so that what a call does of \
         its own shows whole, on the client as on the server. ARCHITECTURE.md counts it. Ours also asks for \
         the length of the line in each release, without which a client that comes straight back would \
         starve those who stand in it.",
    );
    let programs = std::env::var(NATIVE_SERVERS).unwrap_or_default();
    for program in programs.lines() {
        let server = server_version(program);
        Bench::tell(ROW, &server);
        let [ours, floor, native] = measure(bench, &Server::of(program), async |_, floor| {
            let native: Shared = Arc::new(floor.native().await?);
            Ok(native)
        })?;
        let figure = format!("the same on {server}, against the floor's script");
        show(bench, &figure, &ours, &floor, Some(1.25));
        let figure = format!("by hand by a command on {server}, against its script");
        show_other(bench, &figure, &native, &floor);
        let figure = format!("the same on {server}, against by hand by a command");
        show(bench, &figure, &ours, &native, None);
    }
    if programs.is_empty() {
        Bench::tell(
            ROW,
            "no server that compares and deletes by itself is to be had here",
        );
    }
    Ok(())
}

/// Calls a second of ours, of the floor and of another, round by round.
fn measure(
    bench: &Bench,
    server: &Server,
    other: impl AsyncFnOnce(&str, Floor) -> Result<Shared, RedisError>,
) -> Result<[Vec<f64>; 3], Error> {
    let rounds = bench.pick(15, 50);
    let figures = Bench::runtime()?.block_on(async {
        let mut contenders = Bench::two_on(server, Duration::ZERO).await?;
        let url = server.url();
        contenders.push(other(&url, Floor::connect(&url).await?).await?);
        let figures = alternate(&contenders, rounds, async |contender| {
            let turns = greedy(contender, TASKS, SLICE, |task| format!("own:{task}")).await?;
            Ok(turns.iter().sum::<usize>() as f64 / SLICE.as_secs_f64())
        });
        Ok::<_, Error>(figures.await)
    })?;
    Ok([
        figures[0].clone()?,
        figures[1].clone()?,
        figures[2].clone()?,
    ])
}

fn shown(figures: &[f64]) -> String {
    let median = percentile(figures, 50).map(short).unwrap_or_default();
    format!("{median}/s")
}

fn show(bench: &mut Bench, figure: &str, ours: &[f64], beside: &[f64], least: Option<f64>) {
    bench.table.ratio(
        (ROW, figure),
        (shown(ours), shown(beside)),
        Spread::of_ratios(ours, beside),
        least.map(Bound::AtLeast),
    );
}

/// What is not ours, against the floor.
fn show_other(bench: &mut Bench, figure: &str, other: &[f64], floor: &[f64]) {
    let beside = format!("{} → {}", shown(floor), shown(other));
    let ratio = Spread::of_ratios(other, floor);
    bench
        .table
        .ratio((ROW, figure), (String::new(), beside), ratio, None);
}
