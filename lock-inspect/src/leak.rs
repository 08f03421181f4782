//! Which locks do not go away by themselves, or stay longer than they should.

use crate::length::short;
use crate::lock::Lock;
use crate::renewal::SLACK;

/// Why a lock is a leak, if it is one.
///
/// One that renews is lost at the end of its longest hold, and is gone a ttl later even if nobody
/// releases it. One that does not renew has no such end to be measured by: its age may be time in line.
pub(crate) fn leak(lock: &Lock) -> Option<String> {
    let Some(left) = lock.remaining else {
        return Some("no expiry: it stays until somebody deletes it".to_owned());
    };
    let owner = lock.owner()?;
    let end = owner.longest_hold.saturating_add(owner.ttl);
    if !owner.longest_hold.is_zero() && lock.age()? > end.saturating_add(SLACK) {
        let hold = short(owner.longest_hold);
        return Some(format!("older than its longest hold of {hold}"));
    }
    if left > owner.ttl.saturating_add(SLACK) {
        let ttl = short(owner.ttl);
        return Some(format!("it expires later than its ttl of {ttl} allows"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::samples::{foreign, ours};

    #[test]
    fn a_leak_has_no_end_or_is_past_it() {
        let says = |lock: &Lock| leak(lock).unwrap_or_default();
        assert!(says(&foreign(None)).starts_with("no expiry"));
        assert_eq!(leak(&foreign(Some(10))), None);
        let mut lock = ours(1_000, 1_000, 10_000, 0);
        lock.remaining = None;
        assert!(says(&lock).starts_with("no expiry"));

        // Without renewal an age says nothing: it may have waited.
        assert_eq!(leak(&ours(3_600_000, 1_000, 10_000, 0)), None);
        assert_eq!(leak(&ours(69_000, 1_000, 10_000, 60_000)), None);
        assert!(says(&ours(72_000, 1_000, 10_000, 60_000)).contains("longest hold of 1m00s"));
        assert!(says(&ours(1_000, 60_000, 10_000, 60_000)).contains("ttl of 10.0s"));
        assert_eq!(leak(&ours(0, u64::MAX, u64::MAX, u64::MAX)), None);
    }
}
