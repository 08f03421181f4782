//! `rslock`: its manager waits by trying three times, with pauses by chance of up to 200 ms, for ever.

use std::time::Duration;

use rslock::LockManager;

use crate::contender::{Call, Contender, TTL, section};

pub(super) struct Rslock(LockManager);

impl Rslock {
    pub(super) fn new(url: &str) -> Self {
        Self(LockManager::new(vec![url]))
    }
}

impl Contender for Rslock {
    fn name(&self) -> &'static str {
        "rslock"
    }

    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a> {
        Box::pin(async move {
            let guard = self.0.acquire(key, TTL).await;
            let guard = guard.map_err(|error| error.to_string())?;
            let held = section(length).await;
            guard.release().await;
            Ok(held)
        })
    }
}
