//! SETs that land when nobody waits for them any more: each is looked for.

use std::time::Duration;

use lock_runtime::testing::{Command, Fault};
use lock_runtime::{LockSession, Stored};
use tokio::time::sleep;

use crate::{KEY, TTL, request, world};

#[tokio::test(start_paused = true)]
async fn deleting_the_held_token_does_not_settle_a_set_that_is_still_out() {
    let (double, client) = world();
    // The first SET is still on its way when its connection breaks, the second is granted.
    double.next(Command::Acquire, Fault::Break);
    let guard = request(&client).acquire().await.expect("free");
    let token = guard.token().as_str().to_owned();
    // The second connection falls silent.
    double.next(Command::Inspect, Fault::Swallow);
    guard.check().await.expect_err("no answer");
    double.next(Command::Release, Fault::Swallow);
    drop(guard);
    sleep(Duration::from_secs(2)).await;
    assert!(double.memory().keys().is_empty());
    // The first SET lands.
    let late = Stored::Value(token.into_bytes());
    double.memory().put(KEY, late, Some(TTL));
    sleep(Duration::from_secs(3)).await;
    assert!(double.memory().keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_not_put_down_to_the_wrong_one_of_two_sets() {
    let (double, client) = world();
    double.next(Command::Acquire, Fault::Break);
    double.next(Command::Acquire, Fault::NoReply);
    double.next(Command::Release, Fault::NotNow);
    tokio::select! {
        biased;
        _ = request(&client).acquire() => panic!("nothing is answered"),
        () = sleep(Duration::from_millis(100)) => {}
    }
    let found = double.memory().inspect(KEY).await.expect("memory answers");
    let (late, _) = found.expect("the second SET has run");
    sleep(Duration::from_secs(1)).await;
    assert!(double.memory().keys().is_empty());
    // The first SET lands.
    double.memory().put(KEY, late, Some(TTL));
    sleep(Duration::from_secs(3)).await;
    assert!(double.memory().keys().is_empty());
}
