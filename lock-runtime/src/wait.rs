//! When a waiter looks again.

use std::time::Duration;

use tokio::time::Instant;

use crate::chance::jitter;

const FIRST_POLL: Duration = Duration::from_millis(5);
const SLOWEST_POLL: Duration = Duration::from_millis(100);
const QUIET_POLL: Duration = Duration::from_secs(1);

/// When to look again: full jitter, so that contenders who started together spread out.
#[derive(Debug)]
pub(crate) struct Polls {
    floor: Duration,
    cap: Duration,
    expiry: Expiry,
}

/// When the holder's key expires.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expiry {
    Unknown,
    Never,
    At(Instant),
}

impl Expiry {
    /// Of a key that lasts so long, as a server tells it: rounded, so that it is gone for sure a
    /// millisecond later. Beyond what a clock can tell is as good as never.
    pub(crate) fn left(left: Option<Duration>) -> Self {
        let expiry = left.and_then(|left| left.checked_add(Duration::from_millis(1)));
        let expiry = expiry.and_then(|left| Instant::now().checked_add(left));
        expiry.map_or(Self::Never, Self::At)
    }
}

impl Polls {
    pub(crate) fn new() -> Self {
        Self {
            floor: Duration::ZERO,
            cap: FIRST_POLL,
            expiry: Expiry::Unknown,
        }
    }

    /// For a lock that this client holds itself: its release says more than a poll.
    pub(crate) fn slow() -> Self {
        Self {
            floor: SLOWEST_POLL / 2,
            cap: SLOWEST_POLL,
            expiry: Expiry::Unknown,
        }
    }

    /// For a head in line that is told what happens: polls are for news that got lost.
    pub(crate) fn quiet() -> Self {
        Self {
            floor: QUIET_POLL,
            cap: QUIET_POLL * 2,
            expiry: Expiry::Unknown,
        }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.floor == QUIET_POLL
    }

    /// Whether the holder's expiry is unknown or over, so that it is worth asking for.
    pub(crate) fn wants_expiry(&self) -> bool {
        match self.expiry {
            Expiry::Unknown => true,
            Expiry::Never => false,
            Expiry::At(expiry) => expiry <= Instant::now(),
        }
    }

    pub(crate) fn expires(&mut self, expiry: Expiry) {
        self.expiry = expiry;
    }

    /// How long to wait now, whatever is known of the holder.
    pub(crate) fn pause(&self) -> Duration {
        self.floor + self.cap.saturating_sub(self.floor).mul_f64(jitter())
    }

    pub(crate) fn next(&mut self) -> Instant {
        let now = Instant::now();
        let poll = now + self.pause();
        self.cap = (self.cap * 2).min(SLOWEST_POLL.max(self.floor * 2));
        match self.expiry {
            Expiry::At(expiry) if expiry > now => poll.min(expiry),
            _ => poll,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn polls_start_fast_and_are_never_more_than_100_ms_apart() {
        let mut polls = Polls::new();
        assert!(polls.next() - Instant::now() <= FIRST_POLL);
        let spread: Vec<_> = (0..1_000).map(|_| polls.next() - Instant::now()).collect();
        assert!(spread.iter().all(|pause| *pause <= SLOWEST_POLL));
        assert!(spread.iter().any(|pause| *pause < SLOWEST_POLL / 4));
        assert!(spread.iter().any(|pause| *pause > SLOWEST_POLL * 3 / 4));
    }

    #[tokio::test(start_paused = true)]
    async fn the_holders_expiry_is_not_slept_over() {
        let mut polls = Polls::new();
        let soon = Instant::now() + Duration::from_micros(10);
        polls.expires(Expiry::At(soon));
        assert!((0..20).all(|_| polls.next() <= soon));
        assert!(!polls.wants_expiry());
    }
}
