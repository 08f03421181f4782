//! `async-redis-lock`: a script to take the lock, a task that extends it, a pause of 100 ms between
//! tries.

use std::time::Duration;

use async_redis_lock::{Locker, Options};

use crate::contender::{Call, Contender, TTL, WAIT, section};

pub(super) struct AsyncRedisLock(Locker);

impl AsyncRedisLock {
    pub(super) async fn connect(url: &str) -> Result<Self, String> {
        let locker = Locker::from_redis_url(url).await;
        locker.map(Self).map_err(|error| error.to_string())
    }
}

impl Contender for AsyncRedisLock {
    fn name(&self) -> &'static str {
        "async-redis-lock"
    }

    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a> {
        Box::pin(async move {
            let options = Options::new().ttl(TTL).timeout(Some(WAIT));
            let lock = self.0.acquire_with_options(&options, key).await;
            let lock = lock.map_err(|error| error.to_string())?;
            let held = section(length).await;
            lock.release().await.map_err(|error| error.to_string())?;
            Ok(held)
        })
    }
}
