//! Processes that compete for one key, and what their turns say.

use std::collections::BTreeMap;
use std::time::Duration;

use tests::{Server, clock};

use super::child::Child;
use super::{stop, taker};
use crate::bench::Error;

/// Until every process has started and connected.
const START: Duration = Duration::from_millis(700);

/// After so long one of them is stopped; all of its tasks have had a turn by then.
const STOPS: Duration = Duration::from_millis(700);

/// A section of a task, and when its task asked for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    process: usize,
    asked: Duration,
    from: Duration,
    to: Duration,
}

/// Who competes, how many, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crew {
    pub(crate) contender: &'static str,
    pub(crate) processes: usize,
    pub(crate) tasks: usize,
    pub(crate) section: Duration,
    pub(crate) length: Duration,
}

/// What becomes of a process that was stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Then {
    IsKilled,
    GoesOn,
}

/// All turns of a crew, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    begin: Duration,
    end: Duration,
    /// When a process was stopped, if one was.
    stopped: Option<Duration>,
    all: Vec<Turn>,
    /// Calls that failed, all told when they did.
    failures: usize,
}

impl Crew {
    /// Runs to the end. Blocks.
    pub(crate) fn run(&self, server: &Server) -> Result<Turns, Error> {
        let begin = clock() + START;
        let children = self.start(server, begin, self.processes)?;
        self.turns(server, begin, children)
    }

    /// With one process more, which is stopped while it waits, for a `pause`.
    pub(crate) fn run_with_a_stop(
        &self,
        server: &Server,
        pause: Duration,
        then: Then,
    ) -> Result<Turns, Error> {
        let begin = clock() + START;
        let stopped = Child::start("taker", &self.words(server, begin))?;
        let mut children = self.start(server, begin, self.processes)?;
        std::thread::sleep((begin + STOPS).saturating_sub(clock()));
        let at = stop::waiting(&stopped, server)?;
        std::thread::sleep((at + pause).saturating_sub(clock()));
        match then {
            Then::IsKilled => stopped.kill(),
            Then::GoesOn => {
                stopped.go_on();
                children.push(stopped);
            }
        }
        let turns = self.turns(server, begin, children)?;
        Ok(Turns {
            stopped: Some(at),
            ..turns
        })
    }

    fn words(&self, server: &Server, begin: Duration) -> Vec<String> {
        let times = [self.section, begin, begin + self.length];
        taker::words((self.contender, &server.url()), self.tasks, times)
    }

    fn start(&self, server: &Server, begin: Duration, many: usize) -> Result<Vec<Child>, Error> {
        let words = self.words(server, begin);
        (0..many).map(|_| Child::start("taker", &words)).collect()
    }

    fn turns(
        &self,
        server: &Server,
        begin: Duration,
        mut children: Vec<Child>,
    ) -> Result<Turns, Error> {
        let (mut turns, mut failures) = (Vec::new(), 0);
        for (process, child) in children.iter_mut().enumerate() {
            loop {
                let line = child.line()?;
                if line == "end" {
                    break;
                }
                if let Some(reason) = line.strip_prefix(taker::NO_TURN) {
                    eprintln!("  {}, process {process}: {reason}", self.contender);
                    failures += 1;
                    continue;
                }
                turns.push(read(process, &line)?);
            }
        }
        drop(children);
        // Whatever they have left behind is none of the next crew's.
        let client = redis::Client::open(server.url())?;
        redis::cmd("FLUSHALL").exec(&mut client.get_connection()?)?;
        turns.sort_by_key(|turn| turn.from);
        let end = begin + self.length;
        let all = turns;
        Ok(Turns {
            begin,
            end,
            stopped: None,
            all,
            failures,
        })
    }
}

/// A line of a taker: task, asked, from, to.
fn read(process: usize, line: &str) -> Result<Turn, Error> {
    let mut times = line.split(' ').skip(1).map(str::parse);
    let mut time = || -> Result<Duration, Error> {
        Ok(Duration::from_nanos(
            times.next().ok_or("too short a line")??,
        ))
    };
    let (asked, from, to) = (time()?, time()?, time()?);
    Ok(Turn {
        process,
        asked,
        from,
        to,
    })
}

impl Turns {
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// How many calls failed.
    pub(crate) fn failures(&self) -> usize {
        self.failures
    }

    /// Seconds from the release begun to the lock held by a process that waited already.
    pub(crate) fn crossings(&self) -> Vec<f64> {
        let pairs = self.all.windows(2);
        let crossed = pairs.filter(|pair| {
            let waited = pair[1].asked < pair[0].to;
            waited && pair[1].process != pair[0].process && pair[1].from < self.end
        });
        let gap = |pair: &[Turn]| pair[1].from.saturating_sub(pair[0].to).as_secs_f64();
        crossed.map(gap).collect()
    }

    /// Sections that began before the one before had ended.
    pub(crate) fn overlaps(&self) -> usize {
        let mut busy = Duration::ZERO;
        let mut overlaps = 0;
        for turn in &self.all {
            overlaps += usize::from(turn.from < busy);
            busy = busy.max(turn.to);
        }
        overlaps
    }

    /// What the luckiest process got of the first half, in percent.
    pub(crate) fn largest_share(&self) -> Option<f64> {
        let half = self.begin + self.end.saturating_sub(self.begin) / 2;
        let mut shares: BTreeMap<usize, usize> = BTreeMap::new();
        for turn in self.all.iter().filter(|turn| turn.from < half) {
            *shares.entry(turn.process).or_default() += 1;
        }
        let all: usize = shares.values().sum();
        let most = *shares.values().max()?;
        Some(most as f64 * 100.0 / all as f64)
    }

    /// The longest wait of a task, in seconds.
    pub(crate) fn longest_wait(&self) -> f64 {
        let waits = self
            .all
            .iter()
            .map(|turn| turn.from.saturating_sub(turn.asked));
        waits.max().unwrap_or_default().as_secs_f64()
    }

    /// The sections' own lengths, in seconds.
    pub(crate) fn sections(&self) -> Vec<f64> {
        let turns = self.all.iter();
        turns
            .map(|turn| (turn.to.saturating_sub(turn.from)).as_secs_f64())
            .collect()
    }

    /// How long nobody held the lock in all since the stop, in seconds, in pauses of at least this
    /// length. Before, it was held by the one that is stopped, which tells nothing of its turns.
    pub(crate) fn stood_still(&self, least: Duration) -> f64 {
        let stopped = self.stopped.unwrap_or(self.end);
        let pairs = self.all.windows(2).filter(|pair| pair[1].from >= stopped);
        let pauses = pairs.map(|pair| pair[1].from.saturating_sub(pair[0].to));
        pauses
            .filter(|pause| *pause >= least)
            .sum::<Duration>()
            .as_secs_f64()
    }
}
