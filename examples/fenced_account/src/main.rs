//! A bank account in `SQLite` under a fenced lock: holders are stopped between their read and their
//! write for longer than their lease, and the database refuses what they write too late.
//!
//! `cargo run -p fenced-account`, with a `redis-server` or `valkey-server` on the PATH. It checks
//! what it shows: the exit code is 1 if the sum is wrong under the fence, or right without it, and
//! 2 if there is no server.

mod account;
mod figures;
mod message;
mod rounds;
mod scene;
mod teller;
mod worker;

use std::env;
use std::io::{Write, stdout};
use std::process::ExitCode;

use account::{Account, Check};
use examples::{NO_SERVER, Result, Server, interrupted};
use figures::Figures;
use teller::Orders;
use worker::Bank;

const INTRODUCTION: &str = "\
Processes deposit 10 at a time into one account in SQLite: lock, read the balance, work, write.
Now and then one of them is really stopped (SIGSTOP) just before its write, for longer than its
lock lasts. No lock can help there: the library polls no body whose lease is over, but this one
goes on in the middle of a poll, as if nothing had happened. Only the database can refuse it.

One late write, step by step; the fence is checked on read and write";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let ended = match Orders::parse(&arguments) {
        _ if arguments.is_empty() => show().await,
        // This program again, as one of the processes.
        Some(orders) => teller::work(&orders).await.map(|()| ExitCode::SUCCESS),
        None => Err("the program takes no arguments".into()),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("fenced_account: {error}");
        ExitCode::FAILURE
    })
}

async fn show() -> Result<ExitCode> {
    let Some(server) = Server::private("fenced_account").await? else {
        return Ok(ExitCode::from(NO_SERVER));
    };
    let folder = tempfile::Builder::new()
        .prefix("fenced_account-")
        .tempdir()?;
    let bank = Bank {
        url: server.url().to_owned(),
        database: folder.path().join("bank.sqlite"),
    };
    Account::create(&bank.database)?;
    println!("{INTRODUCTION}");
    tokio::select! {
        shown = play(&bank) => shown,
        told = interrupted() => {
            // A row of the table may stand unfinished.
            println!();
            told.map(|never| match never {})
        }
    }
}

async fn play(bank: &Bank) -> Result<ExitCode> {
    let mut fenced = scene::play(bank, Check::ReadAndWrite, true).await?;
    println!(
        "\nThe same by chance: {} processes x {} tasks, {} s each, and with less of a check\n\n{}",
        rounds::PROCESSES,
        rounds::TASKS,
        rounds::LASTING.as_secs(),
        Figures::HEAD,
    );
    let mut objections = Vec::new();
    row(bank, Check::ReadAndWrite, &mut fenced, &mut objections).await?;
    for check in [Check::WriteOnly, Check::Never] {
        let mut figures = scene::play(bank, check, false).await?;
        row(bank, check, &mut figures, &mut objections).await?;
    }
    println!("\n{}\n", Figures::LEGEND);
    for objection in &objections {
        eprintln!("not as it should be: {objection}");
    }
    println!("fenced_account: {}", fenced.summary());
    Ok(if objections.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Adds the rounds of one way to check, and prints what it came to.
async fn row(
    bank: &Bank,
    check: Check,
    figures: &mut Figures,
    objections: &mut Vec<String>,
) -> Result<()> {
    print!("{check:<16}");
    stdout().flush()?;
    figures.add(&rounds::play(bank, check).await?);
    figures.balance = Account::open(&bank.database, check)?.balance()?;
    println!("{figures}");
    objections.extend(figures.objections(check));
    Ok(())
}
