use std::time::Duration;

use lock_runtime::{LockError, Ownership, Release};
use tokio::time::{Instant, sleep, timeout};

use crate::world::{World, is_busy};

const SHORT: Duration = Duration::from_millis(300);
/// For locks that are extended in time, also where a machine with much to do is late by a second.
const KEPT: Duration = Duration::from_secs(2);
/// For a noisy machine.
const SLACK: Duration = Duration::from_secs(5);

pub(crate) async fn an_expired_lease_is_lost(world: World) {
    let taken = Instant::now();
    let guard = world.lock("a").ttl(SHORT).acquire().await.expect("free");
    guard.lost().await;
    assert!(
        taken.elapsed() >= Duration::from_millis(295),
        "{:?}",
        taken.elapsed()
    );
    assert_eq!(guard.remaining(), Duration::ZERO);
    sleep(SHORT).await;
    let error = guard.release().await.expect_err("expired");
    assert!(
        matches!(
            &error,
            LockError::Lost {
                found: Some(Ownership::Free),
                ..
            }
        ),
        "{error}"
    );
}

pub(crate) async fn extend_moves_the_deadline(world: World) {
    let guard = world.lock("a").ttl(KEPT).acquire().await.expect("free");
    for _ in 0..2 {
        sleep(KEPT * 3 / 5).await;
        guard.extend().await.expect("still ours");
    }
    assert!(is_busy(&world.others("a").acquire().await));
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
}

pub(crate) async fn a_lost_lease_cannot_be_extended(world: World) {
    let guard = world.take("a").await;
    world.put("a", "thief").await;
    let error = guard.extend().await.expect_err("stolen");
    assert!(
        matches!(
            &error,
            LockError::Lost {
                found: Some(Ownership::Other(_)),
                ..
            }
        ),
        "{error}"
    );
    world.delete("a").await;
    assert!(guard.extend().await.is_err());
    assert_eq!(guard.remaining(), Duration::ZERO);
}

pub(crate) async fn renewal_outlasts_the_ttl(world: World) {
    let guard = world
        .lock("a")
        .ttl(KEPT)
        .renew()
        .acquire()
        .await
        .expect("free");
    for _ in 0..2 {
        sleep(KEPT * 3 / 5).await;
        assert!(!guard.remaining().is_zero());
        assert!(is_busy(&world.others("a").acquire().await));
    }
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
}

pub(crate) async fn renewal_ends_at_the_longest_hold(world: World) {
    let taken = Instant::now();
    let guard = world
        .lock("a")
        .ttl(KEPT)
        .longest_hold(KEPT + SHORT)
        .acquire()
        .await
        .expect("free");
    timeout(SLACK, guard.lost())
        .await
        .expect("lost at the longest hold");
    assert!(taken.elapsed() >= KEPT + SHORT, "{:?}", taken.elapsed());
    // Nobody extends it any more.
    sleep(KEPT * 3 / 2).await;
    assert_eq!(world.keys().await, 0);
}

pub(crate) async fn a_stolen_renewed_lease_is_lost(world: World) {
    let guard = world
        .lock("a")
        .ttl(SHORT)
        .renew()
        .acquire()
        .await
        .expect("free");
    world.put("a", "thief").await;
    timeout(SLACK, guard.lost())
        .await
        .expect("the next renewal finds it");
    let error = guard.release().await.expect_err("stolen");
    assert!(matches!(&error, LockError::Lost { .. }), "{error}");
    assert_eq!(world.keys().await, 1);
}

pub(crate) async fn check_of_a_stolen_lease_loses_it(world: World) {
    let guard = world.take("a").await;
    world.delete("a").await;
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Free);
    timeout(SLACK, guard.lost()).await.expect("lost at once");
}
