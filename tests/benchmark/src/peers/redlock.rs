//! `redlock`: blocks its thread, connects for every command.

use std::time::Duration;

use redlock::RedLock;

use crate::contender::{Call, Contender, TTL, section};

pub(super) struct Redlock(RedLock);

impl Redlock {
    pub(super) fn new(url: &str) -> Self {
        Self(RedLock::new(vec![url]))
    }
}

impl Contender for Redlock {
    fn name(&self) -> &'static str {
        "redlock"
    }

    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a> {
        let ttl = usize::try_from(TTL.as_millis()).unwrap_or(usize::MAX);
        Box::pin(async move {
            let guard = self.0.acquire_async(key.as_bytes(), ttl).await;
            let guard = guard.map_err(|error| error.to_string())?;
            let held = section(length).await;
            drop(guard);
            Ok(held)
        })
    }
}
