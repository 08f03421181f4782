//! A seed in a process of its own, and what it tells the one that asked.

use std::collections::BTreeMap;
use std::env;
use std::process::{Command, Output};

use crate::run::Ended;

pub(crate) const ARGUMENT: &str = "--child";

#[derive(Default)]
pub(crate) struct Told {
    pub(crate) violations: Vec<String>,
    pub(crate) steps: u64,
    pub(crate) digest: u64,
    pub(crate) counts: BTreeMap<String, usize>,
}

pub(crate) fn told(ended: &Ended) -> Told {
    Told {
        violations: ended.violations.clone(),
        steps: ended.steps,
        digest: ended.digest,
        counts: ended.counts.clone(),
    }
}

/// Writes what [`run`] reads.
pub(crate) fn tell(ended: &Ended) {
    for violation in &ended.violations {
        println!("violation {}", violation.escape_debug());
    }
    for (what, count) in &ended.counts {
        println!("count {count} {what}");
    }
    println!("ended {} {:016x}", ended.steps, ended.digest);
}

pub(crate) fn run(seed: u64) -> Told {
    let output = start(ARGUMENT, seed);
    let text = String::from_utf8_lossy(&output.stdout);
    let mut told = Told::default();
    let mut whole = false;
    for line in text.lines() {
        whole |= read(line, &mut told).expect("a child's words") && output.status.success();
    }
    if !whole {
        let words = String::from_utf8_lossy(&output.stderr);
        told.violations
            .push(format!("the process ended by {}: {words}", output.status));
    }
    told
}

/// Whether it was the last line.
fn read(line: &str, told: &mut Told) -> Option<bool> {
    let (kind, rest) = line.split_once(' ')?;
    match kind {
        "violation" => told.violations.push(rest.to_owned()),
        "count" => {
            let (count, what) = rest.split_once(' ')?;
            told.counts.insert(what.to_owned(), count.parse().ok()?);
        }
        "ended" => {
            let (steps, digest) = rest.split_once(' ')?;
            told.steps = steps.parse().ok()?;
            told.digest = u64::from_str_radix(digest, 16).ok()?;
        }
        _ => return None,
    }
    Some(kind == "ended")
}

/// The history of a seed that failed.
pub(crate) fn history(seed: u64) -> String {
    let output = start("--seed", seed);
    let text = String::from_utf8_lossy(&output.stdout);
    let history = text.split("\nseed ").next();
    history.unwrap_or_default().to_owned()
}

fn start(argument: &str, seed: u64) -> Output {
    let own = env::current_exe().expect("this program");
    let mut command = Command::new(own);
    let command = command.arg(argument).arg(seed.to_string());
    command.output().expect("a process")
}
