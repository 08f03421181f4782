//! When to try to connect again.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::chance::jitter;
use crate::error::StoreError;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The attempts that failed in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    last: Option<Failed>,
}

#[derive(Debug)]
struct Failed {
    at: Instant,
    error: StoreError,
    pause: Duration,
    next: Instant,
}

impl Backoff {
    /// What an attempt since `asked` came to, if it failed.
    pub(super) fn failed_since(&self, asked: Instant) -> Option<StoreError> {
        let last = self.last.as_ref().filter(|last| last.at > asked)?;
        Some(last.error.clone())
    }

    /// Waits until the next attempt is due.
    ///
    /// Cancellation safety: holds nothing.
    pub(super) async fn pause(&self) {
        if let Some(last) = &self.last {
            sleep_until(last.next).await;
        }
    }

    /// Twice the pause after each failure, of which a half is left to chance: many processes that
    /// lost one server do not come back in step.
    pub(super) fn failed(&mut self, error: StoreError) {
        let pause = self
            .last
            .as_ref()
            .map_or(FIRST_PAUSE, |last| last.pause * 2);
        let pause = pause.min(LONGEST_PAUSE);
        let at = Instant::now();
        self.last = Some(Failed {
            at,
            error,
            pause,
            next: at + pause.mul_f64(1.0 - jitter() / 2.0),
        });
    }

    pub(super) fn succeeded(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::StoreErrorKind;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_half_a_second_and_end_with_success() {
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = {
            let mut pauses = Vec::new();
            for _ in 0..12 {
                backoff.failed(StoreError::new(StoreErrorKind::Unreachable, "down"));
                let before = Instant::now();
                backoff.pause().await;
                pauses.push(before.elapsed());
            }
            pauses
        };
        assert!(
            pauses[0] <= FIRST_PAUSE + Duration::from_millis(1),
            "{pauses:?}"
        );
        let last = &pauses[8..];
        let bounds = LONGEST_PAUSE / 2..=LONGEST_PAUSE + Duration::from_millis(1);
        assert!(
            last.iter().all(|pause| bounds.contains(pause)),
            "{pauses:?}"
        );
        assert!(last.iter().any(|pause| *pause != last[0]), "{pauses:?}");
        backoff.succeeded();
        let before = Instant::now();
        backoff.pause().await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waited_for_an_attempt_takes_its_failure() {
        let mut backoff = Backoff::default();
        let early = Instant::now();
        tokio::time::advance(Duration::from_millis(1)).await;
        let error = StoreError::new(StoreErrorKind::Unreachable, "down");
        backoff.failed(error.clone());
        assert_eq!(backoff.failed_since(early), Some(error));
        assert_eq!(backoff.failed_since(Instant::now()), None);
    }
}
