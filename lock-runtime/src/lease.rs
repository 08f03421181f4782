//! How long a held lock may be trusted.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::token::Ownership;

/// The part of a ttl during which the lock counts as held, from the moment its command was sent.
///
/// One hundredth for clocks that run at different speeds, two milliseconds for their grain and
/// the server's rounding: the margin of the Redlock description.
pub(crate) fn trusted(ttl: Duration) -> Duration {
    ttl.saturating_sub(ttl / 100 + Duration::from_millis(2))
}

/// The state of one held lock. Being lost is final.
#[derive(Debug)]
pub(crate) struct Lease {
    term: watch::Sender<Term>,
    /// What the store said when it told us that the lock is not ours any more.
    found: Mutex<Option<Ownership>>,
    /// The end of the longest hold, for a renewed lease.
    limit: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Term {
    deadline: Instant,
    refuted: bool,
}

impl Lease {
    pub(crate) fn new(deadline: Instant, limit: Option<Instant>) -> Self {
        let term = Term {
            deadline: limit.map_or(deadline, |limit| deadline.min(limit)),
            refuted: false,
        };
        Self {
            term: watch::Sender::new(term),
            found: Mutex::default(),
            limit,
        }
    }

    /// The moment from which the lock counts as lost.
    pub(crate) fn deadline(&self) -> Instant {
        self.term.borrow().deadline
    }

    pub(crate) fn is_lost(&self) -> bool {
        let term = *self.term.borrow();
        term.refuted || Instant::now() >= term.deadline
    }

    /// Whether the store itself said that the lock is not ours.
    pub(crate) fn is_refuted(&self) -> bool {
        self.term.borrow().refuted
    }

    /// Takes note of an extension whose command was sent at `sent`. A lost lease stays lost.
    pub(crate) fn extended(&self, sent: Instant, ttl: Duration) {
        let deadline = sent + trusted(ttl);
        let deadline = self.limit.map_or(deadline, |limit| deadline.min(limit));
        self.term.send_if_modified(|term| {
            let alive = !term.refuted && Instant::now() < term.deadline;
            // Two that were sent side by side may be answered in either order.
            let later = alive && deadline > term.deadline;
            if later {
                term.deadline = deadline;
            }
            later
        });
    }

    /// Takes note that the store no longer shows our token, and of what it shows if it said so.
    pub(crate) fn refute(&self, found: Option<Ownership>) {
        if found.is_some() {
            *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
        self.term.send_modify(|term| term.refuted = true);
    }

    pub(crate) fn found(&self) -> Option<Ownership> {
        self.found
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Ends when the lock is lost.
    pub(crate) async fn lost(&self) {
        let mut changes = self.term.subscribe();
        loop {
            let term = *changes.borrow_and_update();
            if term.refuted {
                return;
            }
            tokio::select! {
                biased;
                _ = changes.changed() => {}
                () = sleep_until(term.deadline) => {
                    if self.is_lost() {
                        return;
                    }
                }
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
