//! The locks that the double's client holds, and those that it is to lose.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::store::{LockSession, MemoryStore, Stored};
use crate::token::Ownership;
use crate::witness::Taken;

/// Keys here are those of the store, with their prefix.
#[derive(Default)]
pub(super) struct Holds {
    memory: MemoryStore,
    state: Mutex<State>,
    taken: Notify,
}

#[derive(Default)]
struct State {
    held: HashMap<Arc<str>, Vec<Arc<Taken>>>,
    /// After how long the next holders of a key lose it.
    losses: HashMap<String, VecDeque<Duration>>,
}

impl Holds {
    pub(super) fn new(memory: MemoryStore) -> Self {
        Self {
            memory,
            ..Self::default()
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client has taken a lock; its body was not polled yet.
    pub(super) fn take(self: &Arc<Self>, taken: Taken) {
        let taken = Arc::new(taken);
        let loss = {
            let mut state = self.state();
            let held = state.held.entry(taken.key.clone()).or_default();
            held.retain(|taken| taken.is_held());
            held.push(taken.clone());
            let losses = state.losses.get_mut(&*taken.key);
            losses.and_then(VecDeque::pop_front)
        };
        if let Some(loss) = loss {
            self.lose_in(taken, loss);
        }
        self.taken.notify_waiters();
    }

    /// Those who believe that they hold `key`.
    fn believers(&self, key: &str) -> Vec<Arc<Taken>> {
        let state = self.state();
        let held = state.held.get(key).into_iter().flatten();
        held.filter(|taken| taken.is_held()).cloned().collect()
    }

    /// Who holds `key`, as the store sees it, too: the lease of a lock that was given back may be
    /// watched for longer.
    fn holder(&self, key: &str) -> Option<Arc<Taken>> {
        let mut believers = self.believers(key).into_iter();
        believers.find(|taken| self.found(taken) == Ownership::Mine)
    }

    fn found(&self, taken: &Taken) -> Ownership {
        // The memory answers at once.
        let found = self.memory.inspect(&taken.key).now_or_never();
        let found = found.and_then(Result::ok).flatten();
        Stored::compared(found.as_ref(), &taken.token)
    }

    pub(super) fn is_held(&self, key: &str) -> bool {
        self.holder(key).is_some()
    }

    /// Waits until somebody holds `key`.
    pub(super) async fn until_held(&self, key: &str) {
        loop {
            let taken = self.taken.notified();
            tokio::pin!(taken);
            taken.as_mut().enable();
            if self.is_held(key) {
                return;
            }
            taken.await;
        }
    }

    /// Takes `key` from whoever holds it, or believes so; says whether somebody did.
    pub(super) fn lose(&self, key: &str) -> bool {
        let believers = self.believers(key);
        for taken in &believers {
            self.take_away(taken);
        }
        !believers.is_empty()
    }

    /// Takes `key` away that long from now if it is held, else that long after it is taken next.
    pub(super) fn lose_after(self: &Arc<Self>, key: String, length: Duration) {
        if let Some(taken) = self.holder(&key) {
            self.lose_in(taken, length);
        } else {
            let mut state = self.state();
            state.losses.entry(key).or_default().push_back(length);
        }
    }

    fn lose_in(self: &Arc<Self>, taken: Arc<Taken>, length: Duration) {
        // A body that is never to begin must not be raced by a task.
        if length.is_zero() {
            return self.take_away(&taken);
        }
        let holds = self.clone();
        tokio::spawn(async move {
            sleep(length).await;
            holds.take_away(&taken);
        });
    }

    /// What a renewal would find and tell after the key has gone.
    fn take_away(&self, taken: &Taken) {
        let _ = self
            .memory
            .release(&taken.key, None, &taken.token)
            .now_or_never();
        taken.end(self.found(taken));
    }
}
