//! Locks in the memory of this process: the embedded default, for tests and single processes.

mod line;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use self::line::{Ear, Waiting};
use super::{
    Fenced, Head, Joined, Listener, LockSession, LockStore, Passed, Release, StoreFuture, Stored,
    Swap, Swapped,
};
use crate::fence::FencingToken;
use crate::options::AcquireForm;
use crate::token::LockToken;

/// A store in memory. Clones share it, so that two clients can compete for its locks.
///
/// Time is tokio's: under `tokio::time::pause` leases expire when the paused clock says so.
///
#[doc = include_str!("use.md")]
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    map: HashMap<String, Entry>,
    /// How many entries there may be before the expired ones are looked for.
    sweep_at: usize,
    /// The last fencing token drawn, of whatever key: nothing to keep for each.
    fence: u64,
    waiting: Waiting,
}

#[derive(Debug, Clone)]
struct Entry {
    stored: Stored,
    expires: Option<Instant>,
    fence: Option<FencingToken>,
}

impl Entry {
    fn is_there(&self, now: Instant) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

impl Entries {
    fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        let now = Instant::now();
        self.map.get_mut(key).filter(|entry| entry.is_there(now))
    }

    fn insert(&mut self, key: String, stored: Stored, ttl: Option<Duration>) {
        let now = Instant::now();
        if self.map.len() >= self.sweep_at {
            self.map.retain(|_, entry| entry.is_there(now));
            // Sweeping at twice what is left costs each insertion a constant share.
            self.sweep_at = (self.map.len() * 2).max(64);
        }
        // Beyond what the clock can tell is as good as never.
        let expires = ttl.and_then(|ttl| now.checked_add(ttl));
        let entry = Entry {
            stored,
            expires,
            fence: None,
        };
        self.waiting.changed(&key);
        self.map.insert(key, entry);
    }

    fn remove(&mut self, key: &str) {
        self.waiting.changed(key);
        self.map.remove(key);
    }

    fn give(&mut self, key: &str, token: &LockToken, ttl: Duration, fence: Option<FencingToken>) {
        let stored = Stored::Value(token.as_str().into());
        self.insert(key.to_owned(), stored, Some(ttl));
        if let Some(entry) = self.map.get_mut(key) {
            entry.fence = fence;
        }
    }

    /// Gives a key that is free, or held by `token`, to the first in line who can be told; otherwise it
    /// is free then.
    fn pass(
        &mut self,
        key: &str,
        token: &LockToken,
        leaving: Option<&Head>,
        joining: Option<&Head>,
    ) -> Passed {
        if let Some(head) = leaving {
            self.waiting.leave(key, head);
        }
        let position = joining.map(|head| self.waiting.stand(key, head));
        let mut release = match self.get_mut(key) {
            None => Release::Missing,
            Some(entry) if entry.stored.is(token) => Release::Deleted,
            Some(_) => Release::NotOurs,
        };
        let mut served = false;
        if release != Release::NotOurs {
            if let Some(head) = self.waiting.next(key) {
                self.give(key, head.token(), head.claim(), None);
                self.waiting.passed(key, &head);
                served = joining == Some(&head);
                if release == Release::Deleted {
                    release = Release::HandedOver;
                }
            } else {
                self.remove(key);
            }
        }
        let position = position.filter(|_| !served);
        Passed {
            release,
            others: self.waiting.in_line(key) > usize::from(position.is_some()),
            position,
            served,
        }
    }

    fn swap(
        &mut self,
        key: &str,
        old: &LockToken,
        new: &LockToken,
        ttl: Duration,
        fence: Option<FencingToken>,
    ) -> Swap {
        let Some(entry) = self.get_mut(key) else {
            return Swap::Missing;
        };
        if entry.stored.is(new) {
            return Swap::Found(fence.map(|fence| *entry.fence.get_or_insert(fence)));
        }
        if !entry.stored.is(old) {
            return Swap::NotOurs;
        }
        entry.stored = Stored::Value(new.as_str().into());
        entry.expires = Instant::now().checked_add(ttl);
        entry.fence = fence;
        self.waiting.changed(key);
        Swap::Swapped(fence)
    }

    fn draw(&mut self) -> FencingToken {
        self.fence += 1;
        FencingToken::new(self.fence)
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a value at a key whatever is there, as a stranger might: for tests of how your code
    /// takes the loss of a lock. The key is the whole one, with the client's prefix. `None` for
    /// `ttl`: it does not expire.
    pub fn put(&self, key: impl Into<String>, stored: Stored, ttl: Option<Duration>) {
        self.entries().insert(key.into(), stored, ttl);
    }

    /// Removes a key whatever it holds, as a stranger might.
    pub fn remove(&self, key: &str) {
        self.entries().remove(key);
    }

    /// The keys that exist now.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let now = Instant::now();
        let entries = self.entries();
        let there = entries.map.iter().filter(|(_, entry)| entry.is_there(now));
        there.map(|(key, _)| key.clone()).collect()
    }

    /// A panic elsewhere cannot leave the map half written.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LockStore for MemoryStore {
    fn session(&self) -> StoreFuture<'_, Arc<dyn LockSession>> {
        Box::pin(async { Ok(Arc::new(self.clone()) as Arc<dyn LockSession>) })
    }

    fn listen(&self, key: &Arc<str>, token: &LockToken) -> Option<Box<dyn Listener>> {
        Some(Box::new(Ear::new(self, key, token)))
    }

    fn address(&self) -> String {
        "the memory of this process".to_owned()
    }
}

impl LockSession for MemoryStore {
    fn acquire<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
        _form: AcquireForm,
    ) -> StoreFuture<'a, Option<Stored>> {
        Box::pin(async move {
            let mut entries = self.entries();
            if let Some(entry) = entries.get_mut(key) {
                return Ok(Some(entry.stored.clone()));
            }
            entries.give(key, token, ttl, None);
            Ok(None)
        })
    }

    fn acquire_fenced<'a>(
        &'a self,
        key: &'a str,
        _fence_key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Fenced> {
        Box::pin(async move {
            let mut entries = self.entries();
            let next = entries.draw();
            match entries.get_mut(key) {
                Some(entry) if entry.stored.is(token) => {
                    Ok(Fenced::Ours(*entry.fence.get_or_insert(next)))
                }
                Some(entry) => Ok(Fenced::Held(entry.stored.clone())),
                None => {
                    entries.give(key, token, ttl, Some(next));
                    Ok(Fenced::Granted(next))
                }
            }
        })
    }

    fn join<'a>(
        &'a self,
        key: &'a str,
        _line: &'a str,
        fence_key: Option<&'a str>,
        head: &'a Head,
        ttl: Duration,
        _limit: Duration,
    ) -> StoreFuture<'a, Joined> {
        Box::pin(async move {
            let mut entries = self.entries();
            let ours = match entries.get_mut(key) {
                Some(entry) if !entry.stored.is(head.token()) => {
                    let stored = entry.stored.clone();
                    let left = entry.expires.map(|expires| expires - Instant::now());
                    let position = Some(entries.waiting.stand(key, head));
                    return Ok(Joined::Held {
                        stored,
                        left,
                        position,
                    });
                }
                entry => entry.is_some(),
            };
            let fence = fence_key.map(|_| entries.draw());
            entries.give(key, head.token(), ttl, fence);
            entries.waiting.leave(key, head);
            let joined = if ours { Joined::Ours } else { Joined::Granted };
            Ok(joined(fence))
        })
    }

    fn release<'a>(
        &'a self,
        key: &'a str,
        _line: Option<&'a str>,
        token: &'a LockToken,
    ) -> StoreFuture<'a, Passed> {
        Box::pin(async move { Ok(self.entries().pass(key, token, None, None)) })
    }

    fn pass<'a>(
        &'a self,
        key: &'a str,
        _line: &'a str,
        token: &'a LockToken,
        leaving: Option<&'a Head>,
        joining: Option<&'a Head>,
        _limit: Duration,
    ) -> StoreFuture<'a, Passed> {
        Box::pin(async move { Ok(self.entries().pass(key, token, leaving, joining)) })
    }

    fn swap<'a>(
        &'a self,
        key: &'a str,
        _line: Option<&'a str>,
        old: &'a LockToken,
        new: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Swapped> {
        Box::pin(async move {
            let mut entries = self.entries();
            let swap = entries.swap(key, old, new, ttl, None);
            let others = entries.waiting.in_line(key) > 0;
            Ok(Swapped { swap, others })
        })
    }

    fn swap_fenced<'a>(
        &'a self,
        key: &'a str,
        _line: Option<&'a str>,
        _fence_key: &'a str,
        old: &'a LockToken,
        new: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Swapped> {
        Box::pin(async move {
            let mut entries = self.entries();
            let fence = entries.draw();
            let swap = entries.swap(key, old, new, ttl, Some(fence));
            let others = entries.waiting.in_line(key) > 0;
            Ok(Swapped { swap, others })
        })
    }

    fn extend<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut entries = self.entries();
            let Some(entry) = entries.get_mut(key).filter(|entry| entry.stored.is(token)) else {
                return Ok(false);
            };
            let expires = Instant::now() + ttl;
            let sooner = entry.expires.is_none_or(|before| expires < before);
            entry.expires = Some(expires);
            // Who waits for its end has to know.
            if sooner {
                entries.waiting.changed(key);
            }
            Ok(true)
        })
    }

    fn inspect<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<(Stored, Option<Duration>)>> {
        Box::pin(async move {
            Ok(self.entries().get_mut(key).map(|entry| {
                let left = entry.expires.map(|expires| expires - Instant::now());
                (entry.stored.clone(), left)
            }))
        })
    }

    fn is_open(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn expired_entries_are_swept() {
        let store = MemoryStore::new();
        let ttl = Duration::from_millis(10);
        for n in 0..10_000 {
            store.put(n.to_string(), Stored::OtherType, Some(ttl));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(store.keys().len(), 9);
        assert!(store.entries().map.len() <= 64);
    }
}
