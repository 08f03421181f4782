//! The crates that people use today, each as its own documentation tells.

mod async_redis_lock;
mod distributed_lock;
mod redis_lock;
mod redlock;
mod rslock;

use std::sync::Arc;

use crate::contender::Shared;

/// Their names on crates.io, by which the lock file knows their versions.
pub(crate) const NAMES: [&str; 5] = [
    "rslock",
    "redis-lock",
    "async-redis-lock",
    "distributed-lock-redis",
    "redlock",
];

/// All of them, connected.
pub(crate) async fn connect(url: &str) -> Result<Vec<Shared>, String> {
    Ok(vec![
        Arc::new(rslock::Rslock::new(url)),
        Arc::new(redis_lock::RedisLock::connect(url).await?),
        Arc::new(async_redis_lock::AsyncRedisLock::connect(url).await?),
        Arc::new(distributed_lock::DistributedLock::connect(url).await?),
        Arc::new(redlock::Redlock::new(url)),
    ])
}
