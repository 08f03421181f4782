//! Two looks, one after the other: whose end has moved away since.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::leak::leak;
use crate::lock::Lock;
use crate::renewal::Renewal;
use crate::search::Look;
use crate::table::Row;

/// What the two clocks of PTTL and TIME may differ by.
const NOISE: Duration = Duration::from_millis(100);

/// What the looks so far have shown.
#[derive(Debug, Default)]
pub(crate) struct History {
    seen: BTreeMap<Vec<u8>, Seen>,
}

#[derive(Debug)]
struct Seen {
    value: Vec<u8>,
    expires: Option<Duration>,
    risen: bool,
}

impl History {
    /// The rows of a look, judged by it and by those before.
    pub(crate) fn rows<'a>(&mut self, look: &'a Look) -> Vec<Row<'a>> {
        let mut seen = BTreeMap::new();
        let rows = look.locks.values().map(|lock| {
            let risen = self.risen(lock);
            let now = Seen {
                value: lock.value.clone(),
                expires: lock.expires(),
                risen,
            };
            seen.insert(lock.key.clone(), now);
            Row {
                lock,
                renewal: Renewal::of(lock, risen),
                leak: leak(lock),
            }
        });
        let rows = rows.collect();
        self.seen = seen;
        rows
    }

    fn risen(&self, lock: &Lock) -> bool {
        let before = self.seen.get(&lock.key);
        before.is_some_and(|before| {
            let later = match (before.expires, lock.expires()) {
                (Some(before), Some(now)) => now > before.saturating_add(NOISE),
                _ => false,
            };
            before.value == lock.value && (before.risen || later)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::samples::ours;

    fn look(age: u64, left: u64) -> Look {
        let lock = ours(age, left, 10_000, 3_600_000);
        Look {
            locks: [(lock.key.clone(), lock)].into(),
            ..Look::default()
        }
    }

    #[test]
    fn an_end_that_moves_away_is_a_renewal() {
        let mut history = History::default();
        let mut word = |age, left| history.rows(&look(age, left))[0].renewal.word();
        assert_eq!(word(1_000, 9_000), "not yet");
        assert_eq!(word(2_000, 8_000), "not yet");
        assert_eq!(word(4_000, 6_500), "yes", "by two looks");
        assert_eq!(word(4_500, 6_000), "yes", "and so it stays");
        assert_eq!(word(8_000, 2_500), "late");
    }
}
