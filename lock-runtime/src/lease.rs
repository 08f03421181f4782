//! How long a held lock may be trusted.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::token::Ownership;

/// The part of a ttl during which the lock counts as held, from the moment its command was sent.
///
/// One hundredth for clocks that run at different speeds, two milliseconds for their grain and
/// the server's rounding: the margin of the Redlock description.
pub(crate) fn trusted(ttl: Duration) -> Duration {
    ttl.saturating_sub(ttl / 100 + Duration::from_millis(2))
}

/// The short lease of a lock that another client passed on, until it is extended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) since: Instant,
    pub(crate) length: Duration,
}

/// The state of one held lock. Being lost is final.
#[derive(Debug)]
pub(crate) struct Lease {
    term: Mutex<Term>,
    /// Wakes in the order of waiting, so that a simulation replays; tokio's `watch` does not.
    changed: Notify,
    /// The end of the longest hold, for a renewed lease.
    limit: Option<Instant>,
}

#[derive(Debug)]
struct Term {
    deadline: Instant,
    refuted: bool,
    /// What the store said when it told us that the lock is not ours any more.
    found: Option<Ownership>,
}

impl Lease {
    pub(crate) fn new(deadline: Instant, limit: Option<Instant>) -> Self {
        let term = Term {
            deadline: limit.map_or(deadline, |limit| deadline.min(limit)),
            refuted: false,
            found: None,
        };
        Self {
            term: Mutex::new(term),
            changed: Notify::new(),
            limit,
        }
    }

    fn term(&self) -> MutexGuard<'_, Term> {
        self.term.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The moment from which the lock counts as lost.
    pub(crate) fn deadline(&self) -> Instant {
        self.term().deadline
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lasts().is_none()
    }

    /// The moment at which it was seen to last, which is now; none if it is lost.
    pub(crate) fn lasts(&self) -> Option<Instant> {
        let term = self.term();
        // Read under the mutex: whoever waits for that does not trust an older reading.
        let now = Instant::now();
        (!term.refuted && now < term.deadline).then_some(now)
    }

    /// Whether the store itself said that the lock is not ours.
    pub(crate) fn is_refuted(&self) -> bool {
        self.term().refuted
    }

    /// Takes note of an extension whose command was sent at `sent`. A lost lease stays lost.
    pub(crate) fn extended(&self, sent: Instant, ttl: Duration) {
        let deadline = sent + trusted(ttl);
        let deadline = self.limit.map_or(deadline, |limit| deadline.min(limit));
        let mut term = self.term();
        let alive = !term.refuted && Instant::now() < term.deadline;
        // Two that were sent side by side may be answered in either order.
        if alive && deadline > term.deadline {
            term.deadline = deadline;
            drop(term);
            self.changed.notify_waiters();
        }
    }

    /// Takes note that the store no longer shows our token, and of what it shows if it said so.
    pub(crate) fn refute(&self, found: Option<Ownership>) {
        let mut term = self.term();
        term.refuted = true;
        if found.is_some() {
            term.found = found;
        }
        drop(term);
        self.changed.notify_waiters();
    }

    pub(crate) fn found(&self) -> Option<Ownership> {
        self.term().found.clone()
    }

    /// Ends when the lock is lost.
    pub(crate) async fn lost(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // What changes from here on wakes it.
            changed.as_mut().enable();
            if self.is_lost() {
                return;
            }
            let deadline = self.deadline();
            tokio::select! {
                biased;
                () = changed => {}
                () = sleep_until(deadline) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin() {
        assert_eq!(
            trusted(Duration::from_secs(10)),
            Duration::from_millis(9_898)
        );
        assert_eq!(
            trusted(Duration::from_millis(10)),
            Duration::from_micros(7_900)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_extension_moves_the_deadline_and_comes_too_late_for_a_lost_lease() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let lease = Lease::new(start + second, None);
        lease.extended(start, 3 * second);
        assert_eq!(lease.deadline(), start + trusted(3 * second));
        lease.lost().await;
        assert_eq!(Instant::now().duration_since(start).as_millis(), 2_968);
        lease.extended(Instant::now(), second);
        assert!(lease.is_lost());
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_hold_bounds_every_extension() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let lease = Lease::new(start + second, Some(start + 2 * second));
        lease.extended(start, 10 * second);
        assert_eq!(lease.deadline(), start + 2 * second);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refuted_lease_is_lost_at_once() {
        let lease = Lease::new(Instant::now() + Duration::from_secs(1), None);
        lease.refute(Some(Ownership::Free));
        lease.lost().await;
        assert!(lease.is_lost());
        assert_eq!(lease.found(), Some(Ownership::Free));
    }
}
