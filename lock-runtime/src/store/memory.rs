//! Locks in the memory of this process: the embedded default, for tests and single processes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Fenced, LockSession, LockStore, Release, StoreFuture, Stored, Swap};
use crate::fence::FencingToken;
use crate::options::AcquireForm;
use crate::token::LockToken;

/// A store in memory. Clones share it, so that two clients can compete for its locks.
///
/// Time is tokio's: under `tokio::time::pause` leases expire when the paused clock says so.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    map: HashMap<String, Entry>,
    /// How many entries there may be before the expired ones are looked for.
    sweep_at: usize,
    /// The last fencing token drawn, of whatever key: nothing to keep for each.
    fence: u64,
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
        self.map.insert(key, entry);
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
        self.entries().map.remove(key);
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
            let stored = Stored::Value(token.as_str().into());
            entries.insert(key.to_owned(), stored, Some(ttl));
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
                    let stored = Stored::Value(token.as_str().into());
                    entries.insert(key.to_owned(), stored, Some(ttl));
                    if let Some(entry) = entries.get_mut(key) {
                        entry.fence = Some(next);
                    }
                    Ok(Fenced::Granted(next))
                }
            }
        })
    }

    fn release<'a>(&'a self, key: &'a str, token: &'a LockToken) -> StoreFuture<'a, Release> {
        Box::pin(async move {
            let mut entries = self.entries();
            Ok(match entries.get_mut(key) {
                None => Release::Missing,
                Some(entry) if entry.stored.is(token) => {
                    entries.map.remove(key);
                    Release::Deleted
                }
                Some(_) => Release::NotOurs,
            })
        })
    }

    fn swap<'a>(
        &'a self,
        key: &'a str,
        old: &'a LockToken,
        new: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Swap> {
        Box::pin(async move { Ok(self.entries().swap(key, old, new, ttl, None)) })
    }

    fn swap_fenced<'a>(
        &'a self,
        key: &'a str,
        _fence_key: &'a str,
        old: &'a LockToken,
        new: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Swap> {
        Box::pin(async move {
            let mut entries = self.entries();
            let fence = entries.draw();
            Ok(entries.swap(key, old, new, ttl, Some(fence)))
        })
    }

    fn extend<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            Ok(match self.entries().get_mut(key) {
                Some(entry) if entry.stored.is(token) => {
                    entry.expires = Some(Instant::now() + ttl);
                    true
                }
                _ => false,
            })
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
