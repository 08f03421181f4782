//! c: many tasks, a key each.

use std::time::Duration;

use tests::Server;

use crate::bench::{Bench, Error};
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
    let sides = measure(bench, &bench.server)?;
    show(
        bench,
        "throughput of 64 tasks, against the floor",
        sides,
        0.95,
    );
    let programs = std::env::var(NATIVE_SERVERS).unwrap_or_default();
    for program in programs.lines() {
        let server = server_version(program);
        Bench::tell(ROW, &server);
        let sides = measure(bench, &Server::of(program))?;
        let figure = format!("the same on {server}, against the floor's script");
        show(bench, &figure, sides, 1.25);
    }
    if programs.is_empty() {
        Bench::tell(
            ROW,
            "no server that compares and deletes by itself is to be had here",
        );
    }
    Ok(())
}

/// Calls a second of ours and of the floor, round by round.
fn measure(bench: &Bench, server: &Server) -> Result<[Vec<f64>; 2], Error> {
    let rounds = bench.pick(15, 50);
    let figures = Bench::runtime()?.block_on(async {
        let contenders = Bench::two_on(server, Duration::ZERO).await?;
        let figures = alternate(&contenders, rounds, async |contender| {
            let turns = greedy(contender, TASKS, SLICE, |task| format!("own:{task}")).await?;
            Ok(turns.iter().sum::<usize>() as f64 / SLICE.as_secs_f64())
        });
        Ok::<_, Error>(figures.await)
    })?;
    Ok([figures[0].clone()?, figures[1].clone()?])
}

fn show(bench: &mut Bench, figure: &str, [ours, floor]: [Vec<f64>; 2], least: f64) {
    let shown = |figures: &[f64]| {
        let median = percentile(figures, 50).map(short).unwrap_or_default();
        format!("{median}/s")
    };
    bench.table.ratio(
        (ROW, figure),
        (shown(&ours), shown(&floor)),
        Spread::of_ratios(&ours, &floor),
        Some(Bound::AtLeast(least)),
    );
}
