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
    let [ours, floor, careful] = measure(bench, &bench.server, async |url| {
        let careful: Shared = Arc::new(Careful::connect(url).await?);
        Ok([careful])
    })?;
    let figure = "throughput of 64 tasks, against the floor";
    show(bench, figure, &ours, &floor, Some(0.95));
    let figure = "by hand, with our commands, against the floor";
    show_other(bench, figure, &careful, &floor);
    let figure = "throughput, against by hand, with our commands";
    show(bench, figure, &ours, &careful, None);
    bench.table.note(
        ROW,
        "nothing is waited for and the answers of many tasks come in one read, so that what a call does of \
         its own shows whole, on the client as on the server. ARCHITECTURE.md counts it. With our commands: \
         the token names its holder, the SET answers what is there, and the release looks at the length of \
         the line, without which a client that comes straight back would starve those who stand in it.",
    );
    let programs = std::env::var(NATIVE_SERVERS).unwrap_or_default();
    for program in programs.lines() {
        let server = server_version(program);
        Bench::tell(ROW, &server);
        let [ours, floor, bare, careful] = measure(bench, &Server::of(program), async |url| {
            let bare: Shared = Arc::new(Floor::connect(url).await?.native().await?);
            let careful: Shared = Arc::new(Careful::connect(url).await?.native().await?);
            Ok([bare, careful])
        })?;
        let figure = format!("the same on {server}, against the floor's script");
        show(bench, &figure, &ours, &floor, Some(1.25));
        let figure = format!("by hand by a command on {server}, against its script");
        show_other(bench, &figure, &bare, &floor);
        let figure = format!("by hand, with our commands on {server}, against the script");
        show_other(bench, &figure, &careful, &floor);
        let figure = format!("the same on {server}, against by hand, with our commands");
        show(bench, &figure, &ours, &careful, None);
    }
    if programs.is_empty() {
        Bench::tell(
            ROW,
            "no server that compares and deletes by itself is to be had here",
        );
    }
    Ok(())
}

/// Calls a second of ours, of the floor and of others, round by round.
fn measure<const OTHERS: usize, const ALL: usize>(
    bench: &Bench,
    server: &Server,
    others: impl AsyncFnOnce(&str) -> Result<[Shared; OTHERS], RedisError>,
) -> Result<[Vec<f64>; ALL], Error> {
    let rounds = bench.pick(15, 50);
    let figures = Bench::runtime()?.block_on(async {
        let mut contenders = Bench::two_on(server, Duration::ZERO).await?;
        contenders.extend(others(&server.url()).await?);
        let figures = alternate(&contenders, rounds, async |contender| {
            let turns = greedy(contender, TASKS, SLICE, |task| format!("own:{task}")).await?;
            Ok(turns.iter().sum::<usize>() as f64 / SLICE.as_secs_f64())
        });
        Ok::<_, Error>(figures.await)
    })?;
    let figures: Vec<Vec<f64>> = figures.into_iter().collect::<Result<_, _>>()?;
    let wrong = |all: Vec<_>| format!("{} contenders, not {ALL}", all.len());
    Ok(figures.try_into().map_err(wrong)?)
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
