//! Calls that fail, one for each error, and each for a true reason.

use std::time::Duration;

use lock_runtime::{LockClient, LockError, LockGuard, distributed_lock};

use crate::world::World;

/// The errors by the last part of their problem type.
pub const FAILURES: [&str; 11] = [
    "busy",
    "wait-timeout",
    "too-many-waiters",
    "lost",
    "indeterminate",
    "backend",
    "shut-down",
    "invalid-key",
    "would-deadlock",
    "not-installed",
    "invalid-options",
];

/// Makes the error of this name happen, mostly with the client that is in scope.
///
/// # Errors
///
/// The one that was asked for.
pub async fn fail(world: &World, name: &str) -> Result<String, LockError> {
    match name {
        "busy" => taken().await,
        "wait-timeout" => waited_for().await,
        "too-many-waiters" => {
            let call = || call(&world.narrow, "taken", Duration::from_secs(10));
            tokio::select! {
                biased;
                done = call() => done,
                refused = call() => refused,
            }
        }
        "lost" => stolen(world).await,
        "indeterminate" => call(&world.silent, "any", Duration::ZERO).await,
        "backend" => call(&world.down, "any", Duration::ZERO).await,
        "shut-down" => call(&world.shut, "any", Duration::ZERO).await,
        "invalid-key" => named("").await,
        "would-deadlock" => inside_itself(1).await,
        // A task is outside the scope of the request that spawned it.
        "not-installed" => tokio::spawn(named("1"))
            .await
            .unwrap_or_else(|_| Ok(done())),
        "invalid-options" => shorter_than_allowed(Duration::from_millis(1)).await,
        _ => Ok(done()),
    }
}

/// What a call answers that does not fail after all.
fn done() -> String {
    "done".to_owned()
}

#[distributed_lock(key = "taken", ttl = 10)]
async fn taken() -> Result<String, LockError> {
    Ok(done())
}

#[distributed_lock(key = "taken", ttl = 10, wait = "100ms")]
async fn waited_for() -> Result<String, LockError> {
    Ok(done())
}

#[distributed_lock(key = "<key>", ttl = 10, wait = wait, client = client)]
async fn call(client: &LockClient, key: &str, wait: Duration) -> Result<String, LockError> {
    Ok(done())
}

#[distributed_lock(key = "stolen", ttl = 10, guard = lock)]
async fn stolen(world: &World) -> Result<String, LockError> {
    delete(world, lock).await;
    Ok(done())
}

async fn delete(world: &World, lock: &LockGuard) {
    let mut raw = world.redis.raw().await;
    let mut delete = redis::cmd("DEL");
    let deleted: u64 = delete
        .arg(lock.key())
        .query_async(&mut raw)
        .await
        .unwrap_or_default();
    assert_eq!(deleted, 1);
}

#[distributed_lock(key = "named:<name>", ttl = 10)]
async fn named(name: &'static str) -> Result<String, LockError> {
    Ok(done())
}

#[distributed_lock(key = "deadlock", ttl = 10, wait = 1)]
async fn inside_itself(times: u32) -> Result<String, LockError> {
    if times == 0 {
        return Ok(done());
    }
    Box::pin(inside_itself(times - 1)).await
}

#[distributed_lock(key = "short", ttl = ttl)]
async fn shorter_than_allowed(ttl: Duration) -> Result<String, LockError> {
    Ok(done())
}
