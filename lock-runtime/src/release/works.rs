//! A worker, as those in its runtime see it, and what it looks after for them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

/// A release under way.
pub(super) type Begun = Pin<Box<dyn Future<Output = ()> + Send>>;

/// So long a caller may leave its release alone. Somebody may be waiting for the lock, who must not
/// depend on whether a caller is polled.
const PATIENCE: Duration = Duration::from_millis(5);

/// Room that is kept when there is nothing to look after.
const KEPT: usize = 32;

/// A worker, as those in its runtime see it.
#[derive(Default)]
pub(super) struct Works {
    /// From its first poll on.
    waker: OnceLock<Waker>,
    /// What callers have begun, in the order of time.
    driven: Mutex<VecDeque<(Instant, Weak<UnderWay>)>>,
}

/// A release under way, for its caller and the worker.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<Driven>);

#[derive(Default)]
pub(super) struct Driven {
    /// None once it is done, or in the hands of the worker.
    pub(super) begun: Option<Begun>,
    pub(super) caller: Option<Waker>,
}

impl UnderWay {
    pub(super) fn driven(&self) -> MutexGuard<'_, Driven> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Works {
    pub(super) fn wakes(&self, waker: &Waker) {
        self.waker.get_or_init(|| waker.clone());
    }

    pub(super) fn waker(&self) -> Option<Waker> {
        self.waker.get().cloned()
    }

    fn driven(&self) -> MutexGuard<'_, VecDeque<(Instant, Weak<UnderWay>)>> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the worker look after it. It is woken for the first one alone, and looks at the others then.
    pub(super) fn watch(&self, release: &Arc<UnderWay>) {
        let mut driven = self.driven();
        let first = driven.is_empty();
        driven.push_back((Instant::now() + PATIENCE, Arc::downgrade(release)));
        drop(driven);
        if first && let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// What callers have left alone for too long is the worker's now; gives when to look again.
    pub(super) fn neglected(&self, mut take: impl FnMut(Begun)) -> Option<Instant> {
        let now = Instant::now();
        loop {
            let mut all = self.driven();
            let Some((at, _)) = all.front() else {
                if all.capacity() > 2 * KEPT {
                    all.shrink_to(KEPT);
                }
                return None;
            };
            if *at > now {
                return Some(*at);
            }
            let release = all.pop_front().and_then(|(_, release)| release.upgrade());
            drop(all);
            let Some(release) = release else { continue };
            let mut driven = release.driven();
            let (begun, caller) = (driven.begun.take(), driven.caller.take());
            drop(driven);
            if let Some(begun) = begun {
                take(begun);
                // It waits for the answer alone from now on.
                caller.into_iter().for_each(Waker::wake);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_a_burst() {
        let works = Works::default();
        let releases: Vec<_> = (0..1_000).map(|_| Arc::new(UnderWay::default())).collect();
        for release in &releases {
            works.watch(release);
        }
        assert!(works.neglected(|_| ()).is_some());
        sleep(2 * PATIENCE).await;
        assert!(works.neglected(|_| ()).is_none());
        assert!(works.driven().capacity() <= 2 * KEPT);
    }
}
