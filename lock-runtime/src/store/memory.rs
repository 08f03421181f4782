//! Locks in the memory of this process: the embedded default, for tests and single processes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{LockSession, LockStore, Release, StoreFuture, Stored};
use crate::options::AcquireForm;
use crate::token::LockToken;

/// A store in memory. Clones share it, so that two clients can compete for its locks.
///
/// Time is tokio's: under `tokio::time::pause` leases expire when the paused clock says so.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<HashMap<String, Entry>>>);

#[derive(Debug, Clone)]
struct Entry {
    stored: Stored,
    expires: Option<Instant>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a value at a key whatever is there, as a stranger might: for tests of how your code
    /// takes the loss of a lock. `None` for `ttl`: it does not expire.
    pub fn put(&self, key: impl Into<String>, stored: Stored, ttl: Option<Duration>) {
        let expires = ttl.map(|ttl| Instant::now() + ttl);
        self.entries().insert(key.into(), Entry { stored, expires });
    }

    /// Removes a key whatever it holds, as a stranger might.
    pub fn remove(&self, key: &str) {
        self.entries().remove(key);
    }

    /// The keys that exist now.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.entries().keys().cloned().collect()
    }

    /// The entries that have not expired. A panic elsewhere cannot leave the map half written.
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        entries.retain(|_, entry| entry.expires.is_none_or(|expires| now < expires));
        entries
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
            if let Some(entry) = entries.get(key) {
                return Ok(Some(entry.stored.clone()));
            }
            let stored = Stored::Value(token.as_str().into());
            let expires = Some(Instant::now() + ttl);
            entries.insert(key.to_owned(), Entry { stored, expires });
            Ok(None)
        })
    }

    fn release<'a>(&'a self, key: &'a str, token: &'a LockToken) -> StoreFuture<'a, Release> {
        Box::pin(async move {
            let mut entries = self.entries();
            Ok(match entries.get(key) {
                None => Release::Missing,
                Some(entry) if entry.stored.is(token) => {
                    entries.remove(key);
                    Release::Deleted
                }
                Some(_) => Release::NotOurs,
            })
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
            Ok(self.entries().get(key).map(|entry| {
                let left = entry.expires.map(|expires| expires - Instant::now());
                (entry.stored.clone(), left)
            }))
        })
    }

    fn is_open(&self) -> bool {
        true
    }
}
