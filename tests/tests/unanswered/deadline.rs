//! From which moment a deadline counts when answers were lost: never may two trust their leases.

use std::time::Duration;

use lock_runtime::testing::{Command, Fault, LockDouble};
use lock_runtime::{LockClient, LockError, LockGuard, LockSession, distributed_lock};
use tokio::time::sleep;

use crate::{KEY, drain, world};

const TTL: Duration = Duration::from_secs(1);

async fn take(client: &LockClient) -> LockGuard {
    let request = client.lock("a").ttl(TTL);
    request.acquire().await.expect("ours in the end")
}

/// The holder may not trust its lease for longer than the server keeps the key.
async fn trusts_no_longer_than_the_key_stays(double: &LockDouble, guard: &LockGuard) {
    let found = double.memory().inspect(KEY).await.expect("memory answers");
    let left = found.and_then(|(_, left)| left).unwrap_or_default();
    assert!(
        guard.remaining() <= left,
        "{:?}, {left:?}",
        guard.remaining()
    );
    sleep(left).await;
    let other = LockClient::builder().store(double.clone());
    let next = other.expect("default settings").lock("a").acquire().await;
    drop(next.expect("expired"));
    assert!(guard.remaining().is_zero(), "two hold the lock");
}

#[tokio::test(start_paused = true)]
async fn a_late_grant_whose_extension_is_lost_counts_from_its_own_sending() {
    let (double, client) = world();
    // Granted when its deadline is over; the extension gets lost, the next SET finds the token.
    double.next(Command::Acquire, Fault::Delay(Duration::from_millis(1_200)));
    double.next(Command::Inspect, Fault::NotNow);
    double.next(Command::Extend, Fault::Break);
    let guard = take(&client).await;
    trusts_no_longer_than_the_key_stays(&double, &guard).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_set_does_not_make_an_earlier_one_forgotten() {
    let (double, client) = world();
    double.next(Command::Acquire, Fault::NoReply);
    double.next(Command::Inspect, Fault::NotNow);
    double.next(Command::Acquire, Fault::NotNow);
    let guard = take(&client).await;
    assert_eq!(double.count(Command::Acquire), 3);
    trusts_no_longer_than_the_key_stays(&double, &guard).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_set_does_not_make_an_earlier_one_leak() {
    let (double, client) = world();
    double.next(Command::Acquire, Fault::NoReply);
    double.next(Command::Inspect, Fault::NotNow);
    double.next(Command::Acquire, Fault::Refuse);
    let request = client.lock("a").ttl(Duration::from_hours(1));
    let error = request.acquire().await.expect_err("refused");
    assert!(matches!(error, LockError::Indeterminate { .. }), "{error}");
    drain(&client).await;
    assert!(double.memory().keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_set_that_somebody_on_the_way_sent_twice_counts_from_its_sending() {
    let (double, client) = world();
    double.next(Command::Acquire, Fault::Twice);
    let guard = take(&client).await;
    assert_eq!(double.count(Command::Acquire), 1);
    trusts_no_longer_than_the_key_stays(&double, &guard).await;
}

#[tokio::test(start_paused = true)]
async fn a_set_that_is_known_to_have_run_is_not_looked_for() {
    let (double, client) = world();
    double.next(Command::Acquire, Fault::NoReply);
    double.next(Command::Inspect, Fault::Break);
    let request = client.lock("a").ttl(Duration::from_hours(1));
    let guard = request.acquire().await.expect("the next SET finds it");
    guard.release().await.expect("ours");
    // Otherwise the worker would look for it for the whole ttl.
    assert!(client.shutdown(Duration::from_secs(1)).await.is_empty());
    assert_eq!(double.count(Command::Release), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_known_late_is_renewed_before_its_deadline() {
    let (double, client) = world();
    double.next(Command::Acquire, Fault::NoReply);
    double.next(Command::Inspect, Fault::Delay(Duration::from_millis(200)));
    let request = client.lock("a").ttl(TTL).renew();
    let guard = request.acquire().await.expect("ours");
    sleep(TTL * 2).await;
    assert!(!guard.remaining().is_zero());
}

/// Longer than the longest hold, which then counts from the extension.
const LATE: Fault = Fault::Delay(Duration::from_millis(450));

#[distributed_lock(key = "a", ttl = "300ms", renew = "400ms", on_lost = "finish", guard = lock)]
async fn granted_late() -> Result<Duration, LockError> {
    Ok(lock.remaining())
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_under_a_lease_that_is_over() {
    let (double, client) = world();
    double.next(Command::Acquire, LATE);
    let left = client.scope(granted_late()).await.expect("in time");
    assert!(!left.is_zero());
    double.next(Command::Acquire, LATE);
    let request = client.lock("a").ttl(Duration::from_millis(300));
    let request = request.longest_hold(Duration::from_millis(400));
    let guard = request.acquire().await.expect("free");
    assert!(!guard.remaining().is_zero());
}
