//! Whether a holder renews its lock, as far as can be seen from outside.

use std::time::Duration;

use crate::lock::Lock;

/// The rule, for `--help`; the README says the same.
pub(crate) const RULE: &str = "\
Renewing, as far as can be seen from outside:
  no       it was asked for without renewal
  yes      it expires later than it did at the look before (watch, serve), or its
           age and what is left are together more than its ttl
  late     it renews, and less than a third of its ttl is left: two renewals are
           missing. Its holder is dead, stopped, or cut off from the server
  not yet  it renews, and nothing of that can be seen yet
  -        not a lock of this library, or it never expires
The age counts from when the holder asked, by its own clock; it contains the time in
line where a lock was passed on between processes.";

/// What clocks may differ by before that counts for anything.
pub(crate) const SLACK: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewal {
    No,
    Yes,
    Late,
    NotYet,
    Unknown,
}

impl Renewal {
    /// `risen`: whether the end of the lock was seen to move away.
    pub(crate) fn of(lock: &Lock, risen: bool) -> Self {
        let (Some(owner), Some(left), Some(age)) = (lock.owner(), lock.remaining, lock.age())
        else {
            return Self::Unknown;
        };
        if owner.longest_hold.is_zero() {
            Self::No
        } else if left < owner.ttl / 3 {
            Self::Late
        } else if risen || age.saturating_add(left) > owner.ttl.saturating_add(SLACK) {
            Self::Yes
        } else {
            Self::NotYet
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::Late => "late",
            Self::NotYet => "not yet",
            Self::Unknown => "-",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::samples::{foreign, ours};

    #[test]
    fn what_can_be_seen_decides() {
        let hour = 3_600_000;
        let of = |age, left, hold| Renewal::of(&ours(age, left, 10_000, hold), false);
        assert_eq!(of(2_000, 8_000, 0), Renewal::No);
        assert_eq!(of(2_000, 8_000, hour), Renewal::NotYet);
        assert_eq!(of(60_000, 8_000, hour), Renewal::Yes);
        assert_eq!(of(60_000, 3_000, hour), Renewal::Late);
        assert_eq!(of(7_000, 3_000, hour), Renewal::Late);
        assert_eq!(of(4_000, 6_900, hour), Renewal::NotYet, "clocks differ");
        let twice = |left| Renewal::of(&ours(4_000, left, 10_000, hour), true);
        assert_eq!(twice(6_900), Renewal::Yes);
        assert_eq!(twice(3_000), Renewal::Late);
        assert_eq!(Renewal::of(&foreign(Some(1)), true), Renewal::Unknown);
        assert_eq!(
            Renewal::of(&ours(u64::MAX / 2, 1 << 60, 1 << 60, u64::MAX), false),
            Renewal::Yes
        );
    }
}
