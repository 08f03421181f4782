//! Two processes with one schedule and clocks that differ.

use std::time::Duration;

use lock_runtime::{LockClient, LockError, distributed_lock, skip};
use tests::{Server, Worker};
use tokio::time::sleep;

/// The later clock is late by this.
const SKEW: Duration = Duration::from_millis(400);

/// Done in no time.
#[distributed_lock(key = "nightly", ttl = "5m", min_hold = "20s", or_else = skip)]
async fn nightly() -> Result<Option<()>, LockError> {
    Ok(Some(()))
}

/// The same without.
#[distributed_lock(key = "bare", ttl = "5m", or_else = skip)]
async fn bare() -> Result<Option<()>, LockError> {
    Ok(Some(()))
}

#[test]
fn process() {
    let Some(url) = Worker::orders() else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = LockClient::connect(&url).await.expect("the server answers");
        let (nightly, bare) = client
            .scope(async { (nightly().await, bare().await) })
            .await;
        let ran = |done: Result<Option<()>, LockError>| done.expect("an answer").is_some();
        Worker::tell(&format!("{} {}", ran(nightly), ran(bare)));
        let rest = client.shutdown(Duration::from_secs(20)).await;
        assert!(rest.is_empty(), "{rest:?}");
    });
}

#[tokio::test]
async fn the_later_clock_does_not_run_it_again() {
    let server = Server::start(&[]);
    let mut early = Worker::start("skewed::process", &server.url());
    assert_eq!(early.told().await, "true true");
    sleep(SKEW).await;
    let mut late = Worker::start("skewed::process", &server.url());
    assert_eq!(late.told().await, "false true", "and without it, it does");
}
