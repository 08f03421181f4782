//! Locks that nobody is going to give back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::micros;
use crate::section::{LINES, LONGEST_TTL, LONGEST_WAIT};

/// For how long a lock may stand at its key while no body runs under it.
pub(crate) const GRACE: Duration = LONGEST_TTL.saturating_add(Duration::from_secs(1));

/// For how long a line is kept beyond the longest wait in it.
const LINE_REST: Duration = Duration::from_secs(10);

/// What a key holds at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) key: String,
    pub(crate) value: String,
    /// Milliseconds until it expires; -1 without an expiry.
    pub(crate) left: i64,
}

impl Lock {
    fn is_line(&self) -> bool {
        self.key.starts_with(LINES)
    }
}

/// Looks at the lock keys again and again: a restart that loses the data would hide what is found at
/// the end only.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    /// By key: what it held at the last look, and since when without a body.
    held: BTreeMap<String, (String, u64)>,
    known: BTreeSet<(String, String)>,
    told: Vec<String>,
    /// The most lines at a look, and how many there were at the last: heads that were killed, or whose
    /// leaving got lost, stand in them until they end.
    pub(crate) lines: usize,
    pub(crate) lines_left: usize,
}

impl Orphans {
    /// Looks while locks are taken and given back, `at` a moment of the shared clock; `busy` are the keys
    /// under which a body runs.
    pub(crate) fn look(&mut self, at: u64, locks: &[Lock], busy: &[String]) {
        let before = std::mem::take(&mut self.held);
        let (lines, locks): (Vec<&Lock>, Vec<&Lock>) =
            locks.iter().partition(|lock| lock.is_line());
        self.lines = self.lines.max(lines.len());
        self.check_lines(&lines);
        for lock in locks {
            let since = match before.get(&lock.key) {
                Some((value, since)) if *value == lock.value && !busy.contains(&lock.key) => *since,
                _ => at,
            };
            let held = (lock.value.clone(), since);
            self.held.insert(lock.key.clone(), held);
            let left = u128::try_from(lock.left);
            if left.is_err() {
                self.found(lock, "has no expiry");
            } else if left.is_ok_and(|left| left > LONGEST_TTL.as_millis()) {
                self.found(lock, "expires later than any ttl");
            } else if at - since > micros(GRACE) {
                self.found(lock, "outlives its body by more than its ttl and a second");
            }
        }
    }

    fn check_lines(&mut self, lines: &[&Lock]) {
        let longest = LONGEST_WAIT + LINE_REST;
        for line in lines {
            let left = u128::try_from(line.left);
            if left.is_err() {
                self.found(line, "has no expiry");
            } else if left.is_ok_and(|left| left > longest.as_millis()) {
                self.found(line, "expires later than any wait in it");
            }
        }
    }

    /// The last look, when nobody can hold a lock any more. A line may be there.
    pub(crate) fn left(&mut self, locks: &[Lock]) {
        let (lines, locks): (Vec<&Lock>, Vec<&Lock>) =
            locks.iter().partition(|lock| lock.is_line());
        self.lines_left = lines.len();
        self.check_lines(&lines);
        for lock in locks {
            self.found(lock, "is still there");
        }
    }

    fn found(&mut self, lock: &Lock, what: &str) {
        let Lock { key, value, left } = lock;
        if self.known.insert((key.clone(), value.clone())) {
            self.told
                .push(format!("{key} {what}: {value}, for {left} ms"));
        }
    }

    /// In words, each lock once.
    pub(crate) fn told(&self) -> &[String] {
        &self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(value: &str, left: i64) -> Lock {
        Lock {
            key: KEY.to_owned(),
            value: value.to_owned(),
            left,
        }
    }

    const KEY: &str = "lock:counter:1";
    const LOOKS: [u64; 4] = [0, 700_000, 1_400_000, 2_100_000];

    #[test]
    fn locks_that_change_hands_and_expire_or_have_a_body_are_no_orphans() {
        let mut orphans = Orphans::default();
        for at in LOOKS {
            orphans.look(at, &[lock(&at.to_string(), 400)], &[]);
        }
        for at in LOOKS {
            orphans.look(at, &[lock("free in between", 0)], &[]);
            orphans.look(at, &[], &[]);
        }
        for at in LOOKS {
            orphans.look(at, &[lock("worked under", 300)], &[KEY.to_owned()]);
        }
        assert_eq!(orphans.told(), [""; 0]);
    }

    #[test]
    fn a_lock_without_an_expiry_is_found_at_the_first_look_and_counted_once() {
        let mut orphans = Orphans::default();
        for at in LOOKS {
            orphans.look(at, &[lock("a", -1)], &[KEY.to_owned()]);
        }
        orphans.left(&[lock("a", -1)]);
        assert_eq!(
            orphans.told(),
            ["lock:counter:1 has no expiry: a, for -1 ms"]
        );
    }

    #[test]
    fn a_lock_with_too_long_an_expiry_is_found() {
        let mut orphans = Orphans::default();
        orphans.look(0, &[lock("a", 401)], &[]);
        assert_eq!(orphans.told().len(), 1);
    }

    #[test]
    fn a_lock_that_is_renewed_though_its_body_is_gone_is_found() {
        let mut orphans = Orphans::default();
        let others = ["lock:counter:2".to_owned()];
        for at in LOOKS {
            assert_eq!(orphans.told(), [""; 0]);
            orphans.look(at, &[lock("a", 300)], &others);
        }
        assert_eq!(orphans.told().len(), 1);
    }

    #[test]
    fn a_line_may_outlive_its_waiters_but_not_without_end() {
        let line = |left| Lock {
            key: "lock:line:{counter:1}".to_owned(),
            ..lock("a line of 1", left)
        };
        let mut orphans = Orphans::default();
        for at in LOOKS {
            orphans.look(at, &[line(11_500)], &[]);
        }
        orphans.left(&[line(3_000)]);
        assert_eq!(orphans.told(), [""; 0]);
        assert_eq!((orphans.lines, orphans.lines_left), (1, 1));
        let mut orphans = Orphans::default();
        orphans.look(0, &[line(11_501)], &[]);
        orphans.left(&[line(-1)]);
        assert_eq!(orphans.told().len(), 1, "each line once");
    }

    #[test]
    fn what_is_left_at_the_end_is_found_whatever_its_expiry() {
        let mut orphans = Orphans::default();
        orphans.left(&[lock("a", 100), lock("b", -1)]);
        assert_eq!(orphans.told().len(), 2);
    }
}
