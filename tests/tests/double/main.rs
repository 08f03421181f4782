//! The test double does what its user tells it to, at the moment it was told.

mod loss;
mod server;

use std::time::Duration;

use lock_runtime::testing::{Command, Fault, LockDouble};
use lock_runtime::{LockClient, LockError, Ownership, distributed_lock};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn order(id: u32, length: Duration) -> Result<u32, LockError> {
    sleep(length).await;
    Ok(id)
}

#[distributed_lock(key = "order:<id>", ttl = 3, renew)]
async fn renewed(id: u32, length: Duration) -> Result<u32, LockError> {
    sleep(length).await;
    Ok(id)
}

#[distributed_lock(key = "order:<id>", ttl = 10, wait = 30)]
async fn patient(id: u32) -> Result<Instant, LockError> {
    Ok(Instant::now())
}

fn found(result: Result<u32, LockError>) -> Ownership {
    match result {
        Err(LockError::Lost { found, .. }) => found.expect("an answer"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_lock_names_its_host_and_is_free_when_its_time_is_over() {
    let double = LockDouble::new();
    double.busy_for("order:1", "web 2", 4 * SECOND);
    let busy = double.client().scope(order(1, SECOND)).await;
    let busy = busy.expect_err("another's");
    assert!(
        busy.is_busy() && busy.to_string().contains("web%202"),
        "{busy}"
    );
    let began = Instant::now();
    let got = double.client().scope(patient(1)).await.expect("in time");
    let waited = got - began;
    assert!(waited >= 4 * SECOND, "{waited:?}");
    assert!(
        waited <= 4 * SECOND + Duration::from_millis(101),
        "{waited:?}"
    );
    double.busy("order:1", "web-2");
    let timed_out = double.client().scope(patient(1)).await;
    assert!(
        matches!(timed_out, Err(LockError::WaitTimeout { .. })),
        "{timed_out:?}"
    );
    double.free("order:1");
    double.client().scope(patient(1)).await.expect("free");
}

#[tokio::test(start_paused = true)]
async fn a_client_with_settings_of_its_own_is_named_without_its_prefix() {
    let settings = LockClient::builder()
        .prefix("shop:")
        .command_deadline(4 * SECOND);
    let double = LockDouble::with(settings).expect("in range");
    double.lose_after("order:1", SECOND);
    let lost = double.client().scope(order(1, 5 * SECOND)).await;
    assert!(lost.expect_err("lost").to_string().contains("shop:order:1"));
    assert_eq!(double.acquired("order:1"), 1);
    double.busy("order:1", "web-2");
    assert_eq!(double.memory().keys(), ["shop:order:1"]);
    // A quarter of its command deadline for a single answer.
    double.next(Command::Acquire, Fault::Swallow);
    let began = Instant::now();
    drop(double.client().lock("b").acquire().await.expect("free"));
    assert!(began.elapsed() >= SECOND, "{:?}", began.elapsed());
    let refused = LockDouble::with(LockClient::builder().prefix("{"));
    assert!(matches!(refused, Err(LockError::InvalidOptions { .. })));
}

#[tokio::test(start_paused = true)]
async fn another_client_of_the_double_competes_and_is_not_concerned_by_losses() {
    let double = LockDouble::new();
    let other = LockClient::builder()
        .store(double.clone())
        .expect("defaults");
    let guard = other.lock("a").acquire().await.expect("free");
    assert!(!double.is_held("a"));
    double.lose_after("a", Duration::ZERO);
    let busy = double.client().lock("a").acquire().await;
    assert!(matches!(busy, Err(LockError::Busy { .. })), "{busy:?}");
    assert_eq!(guard.check().await.ok(), Some(Ownership::Mine));
    assert_eq!(double.left(), ["a"]);
    guard.release().await.expect("ours");
}
