//! The real client and the real redis crate on a simulated network, clock and server: a seed gives
//! every delay, loss, crash, restart and cancelled call, and replays to the letter.
//!
//! `./tests/simulate --seeds N [--from K]` runs N seeds, `--seed K` runs one and prints its history.
//!
//! Each seed has a process of its own: tokio numbers tasks for the whole process, and ends those of a
//! killed host in an order that follows from their numbers.

mod actor;
mod arguments;
mod child;
mod client;
mod cut;
mod history;
mod holding;
mod invariants;
mod nemesis;
mod plan;
mod run;
mod server;
mod stream;
mod world;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use arguments::{Asked, USAGE, Way};
use child::Told;

/// How many seeds between two lines that say how far it is.
const PROGRESS: u64 = 1_000;
/// How much of a failing seed's history is shown.
const LAST_LINES: usize = 80;

fn main() -> ExitCode {
    let asked = match arguments::parse(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(mistake) => {
            eprintln!("{mistake}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut sum = Sum::default();
    let began = Instant::now();
    match asked.way {
        Way::Child => {
            child::tell(&run::run(asked.from));
            return ExitCode::SUCCESS;
        }
        Way::One => {
            let ended = run::run(asked.from);
            print!("{}", ended.history);
            sum.add(asked.from, &child::told(&ended));
        }
        Way::Many => many(&asked, &mut sum),
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("calls, by the way they locked and how they ended:");
    for (what, count) in &sum.counts {
        println!("{count:>9} {what}");
    }
    println!("{:.0} seeds a second", sum.seeds_in(seconds));
    let count = |what: &str| sum.counts.get(what).copied().unwrap_or(0);
    println!(
        "simulate seeds={} violations={} steps={} handed_over={} passed_on={} digest={:016x}",
        sum.seeds,
        sum.violations,
        sum.steps,
        count(run::HANDED_OVER),
        count(run::PASSED_ON),
        sum.digest
    );
    ExitCode::from(u8::from(sum.violations > 0))
}

fn many(asked: &Asked, sum: &mut Sum) {
    // In the order of the seeds: one that comes early waits for those before it.
    let mut early: BTreeMap<u64, Told> = BTreeMap::new();
    let (next, stop) = (AtomicU64::new(asked.from), AtomicBool::new(false));
    let end = asked.from + asked.seeds;
    thread::scope(|scope| {
        let (ended, results) = mpsc::channel();
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let (ended, next, stop) = (ended.clone(), &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || ended.send((seed, child::run(seed))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(ended);
        for (seed, told) in results {
            early.insert(seed, told);
            while let Some(told) = early.remove(&(asked.from + sum.seeds)) {
                let seed = asked.from + sum.seeds;
                if !told.violations.is_empty() {
                    let history = child::history(seed);
                    let lines: Vec<&str> = history.lines().collect();
                    let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
                    println!("{}", last.join("\n"));
                }
                sum.add(seed, &told);
                if sum.seeds.is_multiple_of(PROGRESS) {
                    let (seeds, violations) = (sum.seeds, sum.violations);
                    eprintln!("{seeds} of {} seeds, {violations} violations", asked.seeds);
                }
                if asked.first && sum.violations > 0 {
                    stop.store(true, Ordering::Relaxed);
                    return;
                }
            }
        }
    });
}

#[derive(Default)]
struct Sum {
    seeds: u64,
    violations: usize,
    steps: u64,
    digest: u64,
    counts: BTreeMap<String, usize>,
}

impl Sum {
    fn add(&mut self, seed: u64, told: &Told) {
        self.seeds += 1;
        self.violations += told.violations.len();
        self.steps += told.steps;
        let both = [self.digest.to_be_bytes(), told.digest.to_be_bytes()];
        self.digest = history::digest(both.as_flattened());
        for (what, count) in &told.counts {
            *self.counts.entry(what.clone()).or_default() += count;
        }
        if !told.violations.is_empty() {
            println!("seed {seed} failed, replay it by `./tests/simulate --seed {seed}`:");
            for violation in &told.violations {
                println!("  {violation}");
            }
        }
    }

    fn seeds_in(&self, seconds: f64) -> f64 {
        f64::from(u32::try_from(self.seeds).unwrap_or(u32::MAX)) / seconds
    }
}
