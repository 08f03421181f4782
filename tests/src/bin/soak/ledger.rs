//! What every worker has told: who held what, and which updates were acknowledged.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use crate::arguments::Mode;
use crate::clock::{micros, now};
use crate::counter::{Counter, Refused};
use crate::interval::{Interval, Loss, Overlap, overlaps};
use crate::log::Log;
use crate::protocol::{How, Told};
use crate::section::{COMMAND_DEADLINE, KEYS, lock_key};
use crate::stops::Stops;

/// For a machine that is slow, beyond what a call's own settings allow it.
const SLACK: Duration = Duration::from_secs(2);

/// A call of a worker: the worker's number and the call's.
type Id = (u64, u64);

#[derive(Debug)]
struct Call {
    key: usize,
    asked: u64,
    limit: u64,
    /// Grant, begin of the lease and deadline.
    opened: Option<Opened>,
    closed: Option<u64>,
    read: u64,
}

#[derive(Debug, Clone, Copy)]
struct Opened {
    at: u64,
    since: u64,
    deadline: u64,
}

/// Writes that were accepted from who held the lock no more, by what had happened.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Intruders {
    pub(crate) late: u64,
    pub(crate) gone: u64,
    pub(crate) after_loss: u64,
}

/// Microseconds by which two readings of one moment may differ, each cut to a whole one.
const PRECISION: u64 = 2;
/// Microseconds from the library's look at a lease to the body's own first one, of which the call takes
/// less than one: more is time that passed between them and should not have.
const CALL: u64 = 50;
/// The same without the stop for a process that was stopped in between: it has to wait for the processor
/// before it goes on.
const STOPPED_CALL: u64 = 1_000;

#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) counters: Vec<Counter>,
    pub(crate) ended: BTreeMap<&'static str, u64>,
    pub(crate) sections: u64,
    pub(crate) late_polls: u64,
    /// The same where the library had looked in time: the deadline came on the way from there to the body.
    pub(crate) overtaken_polls: u64,
    pub(crate) stuck: u64,
    /// Calls that ended by an error that no fault explains.
    pub(crate) unexpected: u64,
    pub(crate) refused: u64,
    pub(crate) intruders: Intruders,
    /// Writes that put aside another's update though nobody intruded.
    pub(crate) unexplained: u64,
    pub(crate) stops: Stops,
    /// What broke a promise, in words.
    pub(crate) violations: Vec<String>,
    pub(crate) log: Log,
    calls: HashMap<Id, Call>,
    live: BTreeSet<Id>,
    intervals: Vec<Vec<Interval>>,
    intrusions: Vec<u64>,
    losses: Vec<Loss>,
}

impl Ledger {
    pub(crate) fn new(mode: Mode, log: Log) -> Self {
        Self {
            counters: (0..KEYS).map(|_| Counter::new(mode)).collect(),
            ended: BTreeMap::new(),
            sections: 0,
            late_polls: 0,
            overtaken_polls: 0,
            stuck: 0,
            unexpected: 0,
            refused: 0,
            intruders: Intruders::default(),
            unexplained: 0,
            stops: Stops::default(),
            violations: Vec::new(),
            log,
            calls: HashMap::new(),
            live: BTreeSet::new(),
            intervals: (0..KEYS).map(|_| Vec::new()).collect(),
            intrusions: (0..KEYS).map(|_| 0).collect(),
            losses: Vec::new(),
        }
    }

    /// Takes note of what a worker has told. Requests are for [`Ledger::read`] and
    /// [`Ledger::write`].
    pub(crate) fn note(&mut self, serial: u64, told: Told) {
        match told {
            Told::Hello { .. } | Told::Read { .. } | Told::Write { .. } => {}
            Told::Asked {
                call,
                key,
                at,
                limit,
            } => {
                let asked = Call {
                    key: usize::try_from(key).unwrap_or_default(),
                    asked: at,
                    limit,
                    opened: None,
                    closed: None,
                    read: 0,
                };
                self.calls.insert((serial, call), asked);
                self.live.insert((serial, call));
            }
            Told::Opened {
                call,
                at,
                since,
                deadline,
            } => {
                self.sections += 1;
                self.waited((serial, call), at);
                if let Some(call) = self.calls.get_mut(&(serial, call)) {
                    call.opened = Some(Opened {
                        at,
                        since,
                        deadline,
                    });
                }
            }
            Told::Extended { call, deadline } => {
                let call = self.calls.get_mut(&(serial, call));
                if let Some(opened) = call.and_then(|call| call.opened.as_mut()) {
                    opened.deadline = deadline;
                }
            }
            Told::Late {
                at,
                deadline,
                looked,
                ..
            } if looked <= deadline + PRECISION && self.went_on(serial, looked, at) => {
                self.overtaken_polls += 1;
            }
            Told::Late {
                call, at, deadline, ..
            } => {
                self.late_polls += 1;
                self.violations.push(format!(
                    "worker {serial}, call {call}: polled {} µs after its deadline {deadline}",
                    at - deadline.min(at)
                ));
            }
            Told::Closed { call, at } => self.close((serial, call), at),
            Told::Ended { call, at, how } => self.end((serial, call), at, how),
        }
    }

    /// Whether a worker did nothing else between two moments than to go on, or to stand still.
    fn went_on(&self, serial: u64, from: u64, to: u64) -> bool {
        let stopped = self.stops.within(serial, from, to);
        let most = if stopped > 0 { STOPPED_CALL } else { CALL };
        to.saturating_sub(from + stopped) <= most
    }

    fn close(&mut self, id: Id, at: u64) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.closed = Some(at);
        if let Some(opened) = call.opened {
            self.intervals[call.key].push(Interval {
                from: opened.at,
                to: at.min(opened.deadline),
                since: opened.since,
                serial: id.0,
                call: id.1,
            });
        }
    }

    fn end(&mut self, id: Id, at: u64, how: How) {
        *self.ended.entry(how.name()).or_default() += 1;
        self.unexpected += u64::from(how == How::Unexpected);
        self.live.remove(&id);
        match self.calls.get(&id).and_then(|call| call.closed) {
            None => self.waited(id, at),
            Some(closed) => self.gave_back(id, closed, at),
        }
    }

    fn gave_back(&mut self, id: Id, from: u64, until: u64) {
        self.bounded(id, from, until, micros(COMMAND_DEADLINE), "gave back");
    }

    fn waited(&mut self, id: Id, until: u64) {
        if let Some(call) = self.calls.get(&id) {
            self.bounded(id, call.asked, until, call.limit, "waited");
        }
    }

    /// Did it last longer than its limit, not counting the time that its process was stopped?
    fn bounded(&mut self, id: Id, from: u64, until: u64, limit: u64, did: &str) {
        let stopped = self.stops.within(id.0, from, until);
        let lasted = until.saturating_sub(from).saturating_sub(stopped);
        if lasted > limit + micros(SLACK) {
            self.stuck += 1;
            self.violations.push(format!(
                "worker {}, call {}: {did} for {lasted} µs of at most {limit}, from {from} to {until}",
                id.0, id.1
            ));
        }
    }

    /// The connection of a worker has ended, by its death at `at` if it was killed.
    pub(crate) fn gone(&mut self, serial: u64, at: u64) {
        let live: Vec<Id> = self
            .live
            .range((serial, 0)..=(serial, u64::MAX))
            .copied()
            .collect();
        for id in live {
            self.live.remove(&id);
            let call = self.calls.get(&id);
            match call.map(|call| (call.opened, call.closed)) {
                Some((_, Some(closed))) => self.gave_back(id, closed, at),
                Some((Some(_), None)) => self.close(id, at),
                Some((None, None)) => self.waited(id, at),
                None => {}
            }
        }
    }

    pub(crate) fn read(&mut self, serial: u64, call: u64, fence: u64) -> Result<u64, Refused> {
        let Some(call) = self.calls.get_mut(&(serial, call)) else {
            return Err(Refused);
        };
        call.read = now();
        let answer = self.counters[call.key].read(fence);
        self.refused += u64::from(answer.is_err());
        answer
    }

    pub(crate) fn write(
        &mut self,
        serial: u64,
        call: u64,
        fence: u64,
        value: u64,
    ) -> Result<u64, Refused> {
        let Some(asked) = self.calls.get(&(serial, call)) else {
            return Err(Refused);
        };
        let at = now();
        let key = asked.key;
        let forgotten = |opened: Opened| {
            let between = |loss: &&Loss| opened.since <= loss.to && loss.from <= at;
            self.losses.iter().rev().any(|loss| between(&loss))
        };
        let mut intruders = self.intruders;
        match asked.opened {
            Some(opened) if forgotten(opened) => intruders.after_loss += 1,
            Some(opened) if at > opened.deadline => intruders.late += 1,
            _ if asked.closed.is_some() => intruders.gone += 1,
            _ => {}
        }
        let read = asked.read;
        let written = self.counters[key].write(fence, value);
        let Ok(written) = written else {
            self.refused += 1;
            return Err(Refused);
        };
        if intruders != self.intruders {
            self.intruders = intruders;
            self.intrusions[key] = at;
        } else if written.blind && self.intrusions[key] < read {
            self.unexplained += 1;
            self.violations.push(format!(
                "worker {serial}, call {call}: in time, and yet its write put aside another's"
            ));
        }
        Ok(value)
    }

    pub(crate) fn data_lost(&mut self, from: u64, to: u64) {
        self.losses.push(Loss { from, to });
    }

    /// Calls whose body runs, as far as their workers have told: the worker, and the key.
    fn bodies(&self) -> impl Iterator<Item = (u64, usize)> {
        self.live.iter().filter_map(|id| {
            let call = self.calls.get(id)?;
            let runs = call.opened.is_some() && call.closed.is_none();
            runs.then_some((id.0, call.key))
        })
    }

    /// The workers that hold a lock.
    pub(crate) fn holders(&self) -> Vec<u64> {
        let mut serials: Vec<u64> = self.bodies().map(|(serial, _)| serial).collect();
        serials.dedup();
        serials
    }

    /// The lock keys under which a body runs.
    pub(crate) fn busy(&self) -> Vec<String> {
        self.bodies().map(|(_, key)| lock_key(key)).collect()
    }

    /// Overlaps of every key so far, of the sections that have ended.
    pub(crate) fn overlaps(&self) -> Vec<Overlap> {
        let keys = self.intervals.iter();
        keys.flat_map(|intervals| overlaps(intervals, &self.losses))
            .collect()
    }

    pub(crate) fn lost(&self) -> u64 {
        self.counters.iter().map(Counter::lost).sum()
    }
}

#[cfg(test)]
mod tests;
