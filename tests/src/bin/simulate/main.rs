//! The real client and the real redis crate on a simulated network, clock and server: a seed gives
//! every delay, loss, crash, restart and cancelled call, and replays to the letter.
//!
//! `./tests/simulate --seeds N [--from K]` runs N seeds, `--seed K` one and prints its history.

mod actor;
mod chance;
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

use run::{Ended, run};

const USAGE: &str = "usage: simulate --seeds N [--from K] [--first] | --seed K";
/// How much of a failing seed's history is shown.
const LAST_LINES: usize = 60;

struct Asked {
    from: u64,
    seeds: u64,
    /// The whole history of each.
    whole: bool,
    /// Ends with the first violation.
    first: bool,
}

fn asked() -> Option<Asked> {
    let mut asked = Asked {
        from: 1,
        seeds: 0,
        whole: false,
        first: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seeds" => asked.seeds = words.next()?.parse().ok()?,
            "--from" => asked.from = words.next()?.parse().ok()?,
            "--first" => asked.first = true,
            "--seed" => {
                asked.from = words.next()?.parse().ok()?;
                asked.seeds = 1;
                asked.whole = true;
            }
            _ => return None,
        }
    }
    (asked.seeds > 0).then_some(asked)
}

fn main() -> ExitCode {
    let Some(asked) = asked() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let began = Instant::now();
    // In the order of the seeds: one that comes early waits for those before it.
    let mut early: BTreeMap<u64, Ended> = BTreeMap::new();
    let mut sum = Sum::default();
    let (next, stop) = (AtomicU64::new(asked.from), AtomicBool::new(false));
    let end = asked.from + asked.seeds;
    thread::scope(|scope| {
        let (ended, results) = mpsc::channel();
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let (ended, next, stop) = (ended.clone(), &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || ended.send(run(seed)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(ended);
        for ended in results {
            early.insert(ended.seed, ended);
            while let Some(ended) = early.remove(&(asked.from + sum.seeds)) {
                sum.add(&ended, asked.whole);
                if asked.first && sum.violations > 0 {
                    stop.store(true, Ordering::Relaxed);
                    return;
                }
            }
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    for (what, count) in &sum.counts {
        println!("{count:>9} {what}");
    }
    println!("{:.0} seeds a second", sum.seeds_in(seconds));
    println!(
        "simulate seeds={} violations={} steps={} digest={:016x}",
        sum.seeds, sum.violations, sum.steps, sum.digest
    );
    ExitCode::from(u8::from(sum.violations > 0))
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
    fn add(&mut self, ended: &Ended, whole: bool) {
        self.seeds += 1;
        self.violations += ended.violations.len();
        self.steps += ended.steps;
        let both = [self.digest.to_be_bytes(), ended.digest.to_be_bytes()];
        self.digest = history::digest(both.as_flattened());
        for (what, count) in &ended.counts {
            *self.counts.entry(what.clone()).or_default() += count;
        }
        let lines: Vec<&str> = ended.history.lines().collect();
        let seed = ended.seed;
        if whole {
            println!("{}", ended.history);
        } else if !ended.violations.is_empty() {
            println!("{}", lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"));
        }
        if !ended.violations.is_empty() {
            println!("seed {seed} failed, replay it by `./tests/simulate --seed {seed}`:");
            for violation in &ended.violations {
                println!("  {violation}");
            }
        }
    }

    fn seeds_in(&self, seconds: f64) -> f64 {
        f64::from(u32::try_from(self.seeds).unwrap_or(u32::MAX)) / seconds
    }
}
