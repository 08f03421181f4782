//! What was played: who believed what, what the server said, and the faults that follow.

use std::time::Duration;

use crate::timeline::{Bar, Row, Timeline};

/// Shorter times without anybody inside lie between a command and the news of it.
const GRAIN: Duration = Duration::from_millis(15);

#[derive(Default)]
pub(crate) struct Recording {
    pub(crate) spans: Vec<Span>,
    pub(crate) keys: Vec<Key>,
    pub(crate) notes: Vec<(Duration, String)>,
    pub(crate) length: Duration,
}

/// An actor asked for the lock, or believed to hold it.
pub(crate) struct Span {
    pub(crate) actor: char,
    pub(crate) inside: bool,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    /// It did not end of its own accord.
    pub(crate) cut_off: bool,
}

/// A value stood at the key.
pub(crate) struct Key {
    pub(crate) owner: Option<char>,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

/// What a lock must never do to its users.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Somebody asks, nobody is inside, and still a key stands there.
    ShutOut,
    /// Two believe at the same time to hold it.
    TwoInside,
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ShutOut => "shut out",
            Self::TwoInside => "two inside",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::ShutOut => "! shut out, nobody inside",
            Self::TwoInside => "! two inside at once",
        }
    }
}

type Period = (Duration, Duration);

fn length((from, to): &Period) -> Duration {
    to.saturating_sub(*from)
}

impl Recording {
    /// When `actor` believed to hold the lock.
    pub(crate) fn inside(&self, actor: char) -> Option<Period> {
        let mut spans = self.spans.iter();
        let span = spans.find(|span| span.inside && span.actor == actor)?;
        Some((span.from, span.to))
    }

    /// When the key held a value of `actor`, from the first time to the last.
    pub(crate) fn held(&self, actor: char) -> Option<Period> {
        let own = |key: &&Key| key.owner == Some(actor);
        let first = self.keys.iter().find(own)?;
        let last = self.keys.iter().rfind(own)?;
        Some((first.from, last.to))
    }

    /// How long `one` and `other` were inside together.
    pub(crate) fn overlap(&self, one: char, other: char) -> Duration {
        match (self.inside(one), self.inside(other)) {
            (Some(one), Some(other)) => one.1.min(other.1).saturating_sub(one.0.max(other.0)),
            _ => Duration::ZERO,
        }
    }

    pub(crate) fn total(&self, fault: Fault) -> Duration {
        let periods = self.periods(fault);
        periods.iter().map(length).sum()
    }

    /// Between two changes of anything the fault either lasts or does not.
    fn periods(&self, fault: Fault) -> Vec<Period> {
        let spans = self.spans.iter().flat_map(|span| [span.from, span.to]);
        let keys = self.keys.iter().flat_map(|key| [key.from, key.to]);
        let mut changes: Vec<_> = spans.chain(keys).collect();
        changes.sort();
        changes.dedup();
        let mut periods: Vec<Period> = Vec::new();
        for (from, to) in changes.iter().zip(changes.iter().skip(1)) {
            if !self.has(fault, *from, *to) {
                continue;
            }
            match periods.last_mut() {
                Some(last) if last.1 == *from => last.1 = *to,
                _ => periods.push((*from, *to)),
            }
        }
        if fault == Fault::ShutOut {
            periods.retain(|period| length(period) >= GRAIN);
        }
        periods
    }

    fn has(&self, fault: Fault, from: Duration, to: Duration) -> bool {
        let spans = self.spans.iter();
        let spans = spans.filter(|span| span.from <= from && to <= span.to);
        let (inside, asking): (Vec<_>, Vec<_>) = spans.partition(|span| span.inside);
        let mut keys = self.keys.iter();
        match fault {
            Fault::TwoInside => inside.len() > 1,
            Fault::ShutOut => {
                let stands = keys.any(|key| key.from <= from && to <= key.to);
                inside.is_empty() && !asking.is_empty() && stands
            }
        }
    }

    /// Drawn on an axis of at least `scale`.
    pub(crate) fn timeline(mut self, scale: Duration, fault: Fault) -> Timeline {
        let mut actors: Vec<_> = self.spans.iter().map(|span| span.actor).collect();
        actors.sort_unstable();
        actors.dedup();
        let mut rows: Vec<_> = actors.iter().map(|actor| self.row(*actor)).collect();
        let keys = self.keys.iter().map(|key| Bar {
            from: key.from,
            to: key.to,
            glyph: key.owner.unwrap_or('?'),
            end: None,
        });
        rows.push(Row {
            label: "the key holds (· nothing)".to_owned(),
            ground: '·',
            bars: keys.collect(),
        });
        let faults = self.periods(fault).into_iter();
        rows.push(Row {
            label: fault.label().to_owned(),
            ground: ' ',
            bars: faults
                .map(|(from, to)| Bar {
                    from,
                    to,
                    glyph: '!',
                    end: None,
                })
                .collect(),
        });
        self.notes.sort_by_key(|(at, _)| *at);
        Timeline {
            length: self.length.max(scale),
            rows,
            notes: self.notes,
        }
    }

    fn row(&self, actor: char) -> Row {
        let spans = self.spans.iter().filter(|span| span.actor == actor);
        let bars = spans.map(|span| Bar {
            from: span.from,
            to: span.to,
            glyph: if span.inside { '█' } else { '░' },
            end: span.cut_off.then_some('x'),
        });
        Row {
            label: format!("{actor}  ░ asks  █ is inside"),
            ground: ' ',
            bars: bars.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn span(actor: char, inside: bool, from: u64, to: u64) -> Span {
        Span {
            actor,
            inside,
            from: ms(from),
            to: ms(to),
            cut_off: false,
        }
    }

    fn key(owner: char, from: u64, to: u64) -> Key {
        Key {
            owner: Some(owner),
            from: ms(from),
            to: ms(to),
        }
    }

    #[test]
    fn two_inside_however_briefly() {
        let recording = Recording {
            spans: vec![span('A', true, 0, 100), span('B', true, 99, 200)],
            ..Recording::default()
        };
        assert_eq!(recording.total(Fault::TwoInside), ms(1));
        assert_eq!(recording.overlap('A', 'B'), ms(1));
    }

    #[test]
    fn shut_out_is_who_asks_while_a_key_stands_for_nobody() {
        let recording = Recording {
            spans: vec![span('A', true, 0, 100), span('B', false, 50, 400)],
            keys: vec![key('A', 0, 300)],
            ..Recording::default()
        };
        assert_eq!(recording.total(Fault::ShutOut), ms(200));
        assert_eq!(recording.total(Fault::TwoInside), Duration::ZERO);
    }
}
