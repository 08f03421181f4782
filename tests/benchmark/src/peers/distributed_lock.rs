//! `distributed-lock` with its Redis provider. Its `acquire` waits for a majority of several
//! servers; on one, it fails at once while the lock is busy.

use std::time::Duration;

use distributed_lock_core::traits::{DistributedLock as _, LockHandle, LockProvider};
use distributed_lock_redis::RedisLockProvider;

use crate::contender::{Call, Contender, section};

/// As in its documentation: it leaves a timer of that length behind for each call.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct DistributedLock(RedisLockProvider);

impl DistributedLock {
    pub(super) async fn connect(url: &str) -> Result<Self, String> {
        let provider = RedisLockProvider::new(url).await;
        provider.map(Self).map_err(|error| error.to_string())
    }
}

impl Contender for DistributedLock {
    fn name(&self) -> &'static str {
        "distributed-lock-redis"
    }

    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a> {
        Box::pin(async move {
            let lock = self.0.create_lock(key);
            let handle = lock.acquire(Some(TIMEOUT)).await;
            let handle = handle.map_err(|error| error.to_string())?;
            let held = section(length).await;
            handle.release().await.map_err(|error| error.to_string())?;
            Ok(held)
        })
    }
}
