//! `redis-lock`, its `lock_across`: one connection behind a mutex, a pause of 100 ms between tries.

use std::sync::Arc;
use std::time::Duration;

use redis_lock::{LockAcrossOptions, lock_across};
use redis_of_redis_lock::aio::MultiplexedConnection;
use tokio::sync::Mutex;

use crate::contender::{Call, Contender, TTL, WAIT, section};

pub(super) struct RedisLock([Arc<Mutex<MultiplexedConnection>>; 1]);

impl RedisLock {
    pub(super) async fn connect(url: &str) -> Result<Self, String> {
        let client = redis_of_redis_lock::Client::open(url).map_err(|error| error.to_string())?;
        let connection = client.get_multiplexed_async_connection().await;
        let connection = connection.map_err(|error| error.to_string())?;
        Ok(Self([Arc::new(Mutex::new(connection))]))
    }
}

impl Contender for RedisLock {
    fn name(&self) -> &'static str {
        "redis-lock"
    }

    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a> {
        Box::pin(async move {
            let options = LockAcrossOptions {
                ttl: TTL,
                duration: WAIT,
                ..LockAcrossOptions::default()
            };
            let held = lock_across(&self.0, key, section(length), options).await;
            held.map_err(|error| error.to_string())
        })
    }
}
