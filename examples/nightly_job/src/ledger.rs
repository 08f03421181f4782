//! What became of every tick.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use crate::message::Message;

/// Of a number of ticks.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    ticks: BTreeMap<u64, Tick>,
    pub(crate) kills: usize,
    failures: Vec<String>,
}

#[derive(Debug, Default)]
struct Tick {
    fired: usize,
    begun: usize,
    done: usize,
}

/// The sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) ticks: usize,
    /// How often the scheduler of a host said that it was time.
    pub(crate) fired: usize,
    /// Bodies that began.
    pub(crate) runs: usize,
    /// Of these: not ended, for their host was killed.
    pub(crate) cut: usize,
    /// Ticks that more than one host ran.
    pub(crate) twice: usize,
    /// Ticks that none ran.
    pub(crate) missed: usize,
}

impl Ledger {
    /// Of these ticks and no others.
    pub(crate) fn of(ticks: Range<u64>) -> Self {
        Self {
            ticks: ticks.map(|tick| (tick, Tick::default())).collect(),
            ..Self::default()
        }
    }

    /// Takes note of what a host said.
    pub(crate) fn note(&mut self, said: &Message) {
        let (Message::Fires(tick)
        | Message::Begins(tick)
        | Message::Done(tick)
        | Message::Failed(tick, _)) = said
        else {
            return;
        };
        let Some(entry) = self.ticks.get_mut(tick) else {
            return;
        };
        match said {
            Message::Fires(_) => entry.fired += 1,
            Message::Begins(_) => entry.begun += 1,
            Message::Done(_) => entry.done += 1,
            Message::Failed(tick, why) => self.failures.push(format!("tick {tick}: {why}")),
            Message::Ready => {}
        }
    }

    pub(crate) fn sums(&self) -> Sums {
        let count =
            |which: fn(&Tick) -> bool| self.ticks.values().filter(|tick| which(tick)).count();
        let sum = |what: fn(&Tick) -> usize| self.ticks.values().map(what).sum::<usize>();
        let runs = sum(|tick| tick.begun);
        Sums {
            ticks: self.ticks.len(),
            fired: sum(|tick| tick.fired),
            runs,
            cut: runs - sum(|tick| tick.done).min(runs),
            twice: count(|tick| tick.begun > 1),
            missed: count(|tick| tick.begun == 0),
        }
    }

    /// What is not as it should be. A tick can be missed where a host was killed, and nowhere else.
    pub(crate) fn objections(&self) -> Vec<String> {
        let Sums {
            cut, twice, missed, ..
        } = self.sums();
        let mut objections = self.failures.clone();
        for (count, most, what) in [
            (twice, 0, "ticks were run twice"),
            (missed, self.kills, "ticks were missed"),
            (cut, self.kills, "runs were cut"),
        ] {
            if count > most {
                objections.push(format!("{count} {what}, of at most {most}"));
            }
        }
        objections
    }
}

impl Sums {
    pub(crate) const HEAD: &str = "                       ticks  fired  runs  cut  twice  missed";
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ticks,
            fired,
            runs,
            cut,
            twice,
            missed,
        } = self;
        write!(
            f,
            "{ticks:>5}  {fired:>5}  {runs:>4}  {cut:>3}  {twice:>5}  {missed:>6}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tick_counts_for_what_it_was() {
        let mut ledger = Ledger::of(10..14);
        let said = [
            Message::Ready,
            Message::Fires(9),
            Message::Begins(9),
            Message::Fires(10),
            Message::Fires(10),
            Message::Begins(10),
            Message::Done(10),
            Message::Begins(11),
            Message::Begins(12),
            Message::Done(12),
            Message::Begins(12),
            Message::Done(12),
        ];
        for said in &said {
            ledger.note(said);
        }
        let sums = ledger.sums();
        let expected = Sums {
            ticks: 4,
            fired: 2,
            runs: 4,
            cut: 1,
            twice: 1,
            missed: 1,
        };
        assert_eq!(sums, expected);
        assert_eq!(ledger.objections().len(), 3);
        ledger.kills = 1;
        assert_eq!(ledger.objections().len(), 1, "twice is never right");
    }
}
