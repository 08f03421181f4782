//! The lines of local waiters: one for each key, first come, first served.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::chance::jitter;
use crate::error::StoreError;
use crate::token::Holder;

const FIRST_POLL: Duration = Duration::from_millis(5);
const SLOWEST_POLL: Duration = Duration::from_millis(100);

/// All lines of a client.
pub(crate) struct Lines {
    all: Mutex<All>,
    max_waiters: usize,
    max_waiters_per_key: usize,
}

#[derive(Default)]
struct All {
    lines: HashMap<Arc<str>, Line>,
    waiting: usize,
}

/// Why a call may not join a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Full {
    /// The setting of the client that says so, and its value.
    pub(crate) setting: &'static str,
    pub(crate) limit: usize,
}

struct Line {
    turn: Arc<Semaphore>,
    freed: Arc<Notify>,
    waiting: usize,
    seen: Option<Holder>,
    /// Why the store gives the head no answer.
    failing: Option<StoreError>,
}

/// A waiter's place in the line of a key. Only the one whose turn it is contends at the store.
pub(crate) struct InLine {
    lines: Arc<Lines>,
    key: Arc<str>,
    turn: Arc<Semaphore>,
    freed: Arc<Notify>,
    /// Declared last: the next waiter begins after this one has left the line.
    head: Option<OwnedSemaphorePermit>,
}

impl Lines {
    pub(crate) fn new(max_waiters: usize, max_waiters_per_key: usize) -> Arc<Self> {
        Arc::new(Self {
            all: Mutex::default(),
            max_waiters,
            max_waiters_per_key,
        })
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn join(self: &Arc<Self>, key: &Arc<str>) -> Result<InLine, Full> {
        let mut all = self.all();
        let waiting = all.lines.get(key).map_or(0, |line| line.waiting);
        for (setting, limit, waiting) in [
            ("max_waiters_per_key", self.max_waiters_per_key, waiting),
            ("max_waiters", self.max_waiters, all.waiting),
        ] {
            if waiting >= limit {
                return Err(Full { setting, limit });
            }
        }
        all.waiting += 1;
        let line = all.lines.entry(key.clone()).or_insert_with(|| Line {
            turn: Arc::new(Semaphore::new(1)),
            freed: Arc::default(),
            waiting: 0,
            seen: None,
            failing: None,
        });
        line.waiting += 1;
        Ok(InLine {
            lines: self.clone(),
            key: key.clone(),
            turn: line.turn.clone(),
            freed: line.freed.clone(),
            head: None,
        })
    }

    /// Whether somebody waits for `key`.
    pub(crate) fn occupied(&self, key: &str) -> bool {
        self.all().lines.contains_key(key)
    }

    /// The last holder that those in the line of `key` saw.
    pub(crate) fn seen(&self, key: &str) -> Option<Holder> {
        self.all().lines.get(key)?.seen.clone()
    }

    /// Takes note, for those in the line of `key`, of how the store fails, or that it does not.
    pub(crate) fn failing(&self, key: &str, error: Option<&StoreError>) {
        if let Some(line) = self.all().lines.get_mut(key) {
            line.failing = error.cloned();
        }
    }

    /// How the store failed when it was last asked for `key`.
    pub(crate) fn failure(&self, key: &str) -> Option<StoreError> {
        self.all().lines.get(key)?.failing.clone()
    }

    /// A lock of this client was given back: its head need not sleep on.
    pub(crate) fn freed(&self, key: &str) {
        if let Some(line) = self.all().lines.get(key) {
            line.freed.notify_one();
        }
    }
}

impl InLine {
    /// Waits until everybody who came earlier has left.
    ///
    /// Cancellation safety: the place is kept until this `InLine` is dropped.
    pub(crate) async fn turn(&mut self) {
        // The semaphore is never closed.
        self.head = self.turn.clone().acquire_owned().await.ok();
    }

    pub(crate) fn saw(&self, holder: &Holder) {
        if let Some(line) = self.lines.all().lines.get_mut(&self.key) {
            line.seen = Some(holder.clone());
        }
    }

    pub(crate) fn seen(&self) -> Option<Holder> {
        self.lines.seen(&self.key)
    }

    /// Ends when this client gives a lock of the key back.
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        let mut all = self.lines.all();
        all.waiting -= 1;
        if let Some(line) = all.lines.get_mut(&self.key) {
            line.waiting -= 1;
            if line.waiting == 0 {
                all.lines.remove(&self.key);
            }
        }
    }
}

/// When to look again: full jitter, so that contenders who started together spread out.
#[derive(Debug)]
pub(crate) struct Polls {
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

impl Polls {
    pub(crate) fn new() -> Self {
        Self {
            cap: FIRST_POLL,
            expiry: Expiry::Unknown,
        }
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

    pub(crate) fn next(&mut self) -> Instant {
        let now = Instant::now();
        let poll = now + self.cap.mul_f64(jitter());
        self.cap = (self.cap * 2).min(SLOWEST_POLL);
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

    #[tokio::test]
    async fn a_line_ends_with_its_last_waiter() {
        let lines = Lines::new(3, 2);
        let key: Arc<str> = "k".into();
        let mut first = lines.join(&key).expect("room");
        first.turn().await;
        let mut second = lines.join(&key).expect("room");
        let full = lines.join(&key).err().expect("two of two");
        assert_eq!((full.setting, full.limit), ("max_waiters_per_key", 2));
        let other = lines.join(&"l".into()).expect("room");
        let full = lines.join(&"m".into()).err().expect("three of three");
        assert_eq!((full.setting, full.limit), ("max_waiters", 3));
        drop(other);
        assert!(futures_pending(second.turn()).await);
        drop(first);
        second.turn().await;
        assert!(lines.occupied("k"));
        drop(second);
        assert!(!lines.occupied("k"));
    }

    async fn futures_pending(future: impl Future<Output = ()>) -> bool {
        tokio::select! {
            biased;
            () = future => false,
            () = std::future::ready(()) => true,
        }
    }
}
