//! BENCHMARKS.md and its plot, from what was measured.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use tests::Server;

use crate::arguments::Arguments;
use crate::bench::{Bench, Error};
use crate::peers;
use crate::plot;
use crate::table::aligned;

const LOCK_FILE: &str = include_str!("../Cargo.lock");

const PLOT: &str = "handover.svg";

/// Both tables: ours with the bounds, and the peers.
pub(crate) fn tables(bench: &Bench) -> String {
    let mut text = bench.table.markdown();
    if bench.peers.is_empty() {
        return text;
    }
    let head = [
        "peer",
        "a: lock and unlock, p50",
        "d: time an acquisition",
        "e: the same, greedy",
    ];
    let lines = peers::NAMES.iter().filter_map(|name| {
        let did = bench.peers.get(name)?;
        let mut cells = vec![format!("{name} {}", version(name))];
        let cell = |row| did.get(row).cloned().unwrap_or_default();
        cells.extend(['a', 'd', 'e'].iter().map(cell));
        Some(cells)
    });
    let _ = write!(text, "\n{}", aligned(&head, lines.collect()));
    text
}

/// Writes both files.
pub(crate) fn write(bench: &Bench, arguments: &Arguments) -> Result<(), Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::write(
        root.join(PLOT_FOLDER).join(PLOT),
        plot::draw(&bench.handovers),
    )?;
    std::fs::write(root.join("BENCHMARKS.md"), page(bench, arguments))?;
    eprintln!("written: BENCHMARKS.md, {PLOT_FOLDER}/{PLOT}");
    Ok(())
}

const PLOT_FOLDER: &str = "tests/benchmark";

fn page(bench: &Bench, arguments: &Arguments) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "# Benchmarks\n\n\
         Written by `{}` on {}, on {cores} cores, with {}, {} and redis {}, tokio {}. \
         Do not edit: run it again.\n\n\
         Contenders take turns, call by call (a, j, k) or in short rounds, on one server over the loopback interface. A value with \
         a spread is the median of the rounds' ratios, the spread what four fifths of the rounds lie \
         between. *By hand* is the redis crate, one multiplexed connection, `SET NX PX` and a script \
         that compares and deletes; for d, e and f behind a local queue, first come, first served. \
         Commands are what clients send, by `MONITOR`, counted apart from what is timed.\n\n\
         {}\n\
         ![from one holder to the next]({PLOT_FOLDER}/{PLOT})\n",
        arguments.command(),
        told("date", &["-u", "+%Y-%m-%d"]),
        server_version(&Server::program()),
        told("rustc", &["--version"]),
        version("redis"),
        version("tokio"),
        tables(bench),
    )
}

/// Name and version of a server.
pub(crate) fn server_version(program: &str) -> String {
    let told = told(program, &["--version"]);
    told.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// What a program prints.
fn told(program: &str, words: &[&str]) -> String {
    let told = Command::new(program).args(words).output();
    let told = told.map(|told| String::from_utf8_lossy(&told.stdout).trim().to_owned());
    told.unwrap_or_else(|_| "unknown".to_owned())
}

/// The newest version of a package in the lock file.
fn version(name: &str) -> &str {
    let line = format!("name = \"{name}\"");
    let packages = LOCK_FILE
        .split("[[package]]")
        .filter(|package| package.contains(&line));
    let versions = packages.filter_map(|package| {
        let (_, rest) = package.split_once("version = \"")?;
        rest.split('"').next()
    });
    // In the order of their versions.
    versions.last().unwrap_or("unknown")
}
