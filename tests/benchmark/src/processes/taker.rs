//! Tasks that come straight back for one key, from a moment on that all processes share; tells every
//! turn.

use std::sync::Arc;
use std::time::Duration;

use tests::clock;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::bare_line::BareLine;
use super::race::Race;
use super::word;
use crate::bench::Error;
use crate::contender::{Held, Shared, WAIT};
use crate::ours::Ours;

/// The key that all compete for.
pub(super) const KEY: &str = "crossing";

/// What a taker says of a call that failed.
pub(super) const NO_TURN: &str = "none: ";

/// Of a task: a machine that stands still for longer than a claim costs a turn, and is no reason to end.
const MOST_FAILURES: usize = 10;

/// What a taker is told: contender, URL, tasks, section, begin and end in nanoseconds.
pub(super) fn words(
    (contender, url): (&str, &str),
    tasks: usize,
    times: [Duration; 3],
) -> Vec<String> {
    let mut words = vec![contender.to_owned(), url.to_owned(), tasks.to_string()];
    words.extend(times.map(|time| time.as_nanos().to_string()));
    words
}

pub(super) async fn run(words: &[String]) -> Result<(), Error> {
    let url = words[1].as_str();
    let contender: Shared = match words[0].as_str() {
        "ours" => Arc::new(Ours::connect(url, WAIT).await?),
        "line" => Arc::new(BareLine::bare(url).await?),
        "checked" => Arc::new(BareLine::checked(url).await?),
        "race" => Arc::new(Race::connect(url).await?),
        other => return Err(format!("no contender {other}").into()),
    };
    let [section, begin, end] = times(words)?;
    let Some(left) = begin.checked_sub(clock()) else {
        return Err("the process came too late to begin with the others".into());
    };
    sleep(left).await;
    let mut all = JoinSet::new();
    for task in 0..word::<usize>(words, 2)? {
        all.spawn(turns(contender.clone(), task, section, end));
    }
    while let Some(ended) = all.join_next().await {
        let (turns, failures) = ended??;
        for (task, asked, held) in turns {
            let [asked, from, to] = [asked, held.from, held.to].map(|time| time.as_nanos());
            println!("{task} {asked} {from} {to}");
        }
        for failure in failures {
            println!("{NO_TURN}{failure}");
        }
    }
    println!("end");
    Ok(())
}

/// The section's length, the begin and the end.
fn times(words: &[String]) -> Result<[Duration; 3], Error> {
    let time = |at| Ok::<_, Error>(Duration::from_nanos(word(words, at)?));
    Ok([time(3)?, time(4)?, time(5)?])
}

/// The turns of a task, and why it had none where it could not have one.
type Had = (Vec<(usize, Duration, Held)>, Vec<String>);

async fn turns(
    contender: Shared,
    task: usize,
    section: Duration,
    end: Duration,
) -> Result<Had, String> {
    let (mut turns, mut failures) = (Vec::new(), Vec::new());
    while clock() < end {
        let asked = clock();
        match contender.call(KEY, section).await {
            Ok(held) => turns.push((task, asked, held)),
            Err(reason) if failures.len() < MOST_FAILURES => failures.push(reason),
            Err(reason) => return Err(reason),
        }
    }
    Ok((turns, failures))
}
