use std::time::Duration;

use lock_runtime::{Holder, LockError, LockRequest, Ownership, Release};
use tokio::time::{Instant, sleep, timeout};

use crate::world::{CLAIM, World, poll_once};

/// So long a lock stays at least.
const HOLD: Duration = Duration::from_millis(900);
/// So long it would stay if nothing shortened it: nobody waits for that.
const TTL: Duration = Duration::from_mins(2);
/// For a noisy machine, and for a waiter that was told nothing.
const SLACK: Duration = Duration::from_secs(10);

fn job(request: LockRequest) -> LockRequest {
    request.ttl(TTL).min_hold(HOLD)
}

#[track_caller]
fn holder<T>(busy: Result<T, LockError>) -> u32 {
    match busy.err() {
        Some(LockError::Busy {
            holder: Some(Holder::Owner(owner)),
            ..
        }) => owner.pid,
        other => panic!("{other:?}"),
    }
}

/// When it is free, counted from `taken`.
async fn until_free(world: &World, taken: Instant) -> Duration {
    while world.keys().await > 0 {
        assert!(taken.elapsed() < HOLD + SLACK, "{:?}", taken.elapsed());
        sleep(Duration::from_millis(5)).await;
    }
    taken.elapsed()
}

pub(crate) async fn a_lock_stays_for_its_min_hold(world: World) {
    let taken = Instant::now();
    let guard = job(world.lock("a")).acquire().await.expect("free");
    assert_eq!(guard.release().await.expect("ours"), Release::Kept);
    // Also for the one that gave it back.
    for lock in [world.lock("a"), world.others("a")] {
        let busy = lock.acquire().await;
        assert!(taken.elapsed() < HOLD, "the machine is too slow");
        assert_eq!(holder(busy), std::process::id());
    }
    assert!(until_free(&world, taken).await >= HOLD);
    let guard = world.lock("a").acquire().await.expect("free");
    guard.release().await.expect("ours");
    world.drain().await;
}

pub(crate) async fn it_stays_as_well_when_it_is_dropped(world: World) {
    let taken = Instant::now();
    drop(job(world.lock("a")).acquire().await.expect("free"));
    assert!(until_free(&world, taken).await >= HOLD);
    world.drain().await;
}

pub(crate) async fn a_min_hold_that_is_over_changes_nothing(world: World) {
    let guard = job(world.lock("a")).acquire().await.expect("free");
    sleep(HOLD).await;
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    assert_eq!(world.keys().await, 0);
    let guard = job(world.lock("a")).acquire().await.expect("free");
    let waiter = tokio::spawn(world.lock("a").wait(SLACK).acquire());
    sleep(HOLD).await;
    assert_eq!(guard.release().await.expect("ours"), Release::HandedOver);
    let handed = waiter.await.expect("no panic").expect("handed over");
    handed.release().await.expect("ours");
}

pub(crate) async fn a_min_hold_of_the_whole_ttl_needs_no_release(world: World) {
    let ttl = HOLD;
    let taken = Instant::now();
    let guard = world.lock("a").ttl(ttl).min_hold(ttl).acquire().await;
    assert_eq!(
        guard.expect("free").release().await.expect("ours"),
        Release::Kept
    );
    assert!(until_free(&world, taken).await >= ttl);
}

pub(crate) async fn waiters_of_the_same_client_wait_it_out(world: World) {
    let taken = Instant::now();
    let guard = job(world.lock("a")).acquire().await.expect("free");
    let waiters = [0, 1].map(|_| tokio::spawn(job(world.lock("a").wait(SLACK)).acquire()));
    sleep(HOLD / 3).await;
    assert_eq!(guard.release().await.expect("ours"), Release::Kept);
    // Who does not wait finds it busy, before the waiters have looked and after.
    for _ in 0..2 {
        let busy = world.lock("a").acquire().await;
        assert!(taken.elapsed() < HOLD, "the machine is too slow");
        assert_eq!(holder(busy), std::process::id());
        sleep(HOLD / 10).await;
    }
    for (turn, waiter) in (1..).zip(waiters) {
        let guard = waiter.await.expect("no panic").expect("free in time");
        // A server counts in milliseconds.
        let earliest = HOLD.saturating_sub(Duration::from_millis(1)) * turn;
        assert!(taken.elapsed() >= earliest, "{:?}", taken.elapsed());
        assert!(taken.elapsed() < HOLD * turn + SLACK);
        assert_eq!(guard.release().await.expect("ours"), Release::Kept);
    }
    world.drain().await;
}

pub(crate) async fn a_waiter_of_another_client_waits_it_out(world: World) {
    let taken = Instant::now();
    let guard = job(world.lock("a")).acquire().await.expect("free");
    let waiter = tokio::spawn(world.others("a").wait(SLACK).acquire());
    world.until_in_line("a", 1).await;
    assert_eq!(guard.release().await.expect("ours"), Release::Kept);
    let guard = waiter.await.expect("no panic").expect("free in time");
    assert!(taken.elapsed() >= HOLD, "{:?}", taken.elapsed());
    guard.release().await.expect("ours");
    world.drain().await;
}

/// Longer than the claim that it gets at first.
pub(crate) async fn a_lock_that_was_passed_on_stays_too(world: World) {
    let hold = CLAIM * 3;
    let guard = world.take("a").await;
    let waiter = world.others("a").ttl(TTL).min_hold(hold).wait(SLACK);
    let waiter = tokio::spawn(waiter.acquire());
    world.until_in_line("a", 1).await;
    let given = Instant::now();
    guard.release().await.expect("ours");
    let guard = waiter.await.expect("no panic").expect("its turn");
    let had = Instant::now();
    assert_eq!(guard.release().await.expect("ours"), Release::Kept);
    while world.keys().await > 0 {
        assert!(had.elapsed() < hold + SLACK, "{:?}", had.elapsed());
        sleep(Duration::from_millis(5)).await;
    }
    assert!(given.elapsed() >= hold, "{:?}", given.elapsed());
    world.drain().await;
}

pub(crate) async fn an_extension_is_taken_back(world: World) {
    let taken = Instant::now();
    let guard = job(world.lock("a")).acquire().await.expect("free");
    guard.extend().await.expect("ours");
    assert_eq!(guard.release().await.expect("ours"), Release::Kept);
    assert!(until_free(&world, taken).await >= HOLD);
}

/// Whether it was sent or not: it is dropped after one poll, and what comes behind it counts.
pub(crate) async fn a_cancelled_extension_is_taken_back(world: World) {
    let taken = Instant::now();
    let guard = job(world.lock("a")).acquire().await.expect("free");
    let cut_off = timeout(Duration::ZERO, guard.extend()).await;
    drop(cut_off);
    drop(guard);
    assert!(until_free(&world, taken).await >= HOLD);
    world.drain().await;
}

pub(crate) async fn a_lost_lock_has_no_min_hold(world: World) {
    let guard = job(world.lock("a")).acquire().await.expect("free");
    world.delete("a").await;
    let error = guard.release().await.expect_err("deleted");
    let free = matches!(
        &error,
        LockError::Lost {
            found: Some(Ownership::Free),
            ..
        }
    );
    assert!(free, "{error}");
    assert_eq!(world.keys().await, 0);

    let guard = job(world.lock("a")).acquire().await.expect("free");
    world.put("a", "thief").await;
    let error = guard.release().await.expect_err("stolen");
    let other = matches!(
        &error,
        LockError::Lost {
            found: Some(Ownership::Other(_)),
            ..
        }
    );
    assert!(other, "{error}");
    // The thief's has no expiry, and got none.
    sleep(HOLD * 3 / 2).await;
    assert_eq!(world.keys().await, 1);
}

pub(crate) async fn a_cancelled_acquire_has_no_min_hold(world: World) {
    for _ in 0..20 {
        if poll_once(job(world.lock("a")).acquire()).await.is_some() {
            // In memory it is held at once.
            return;
        }
    }
    world.drain().await;
    assert_eq!(world.keys().await, 0);
}

pub(crate) async fn shutdown_does_not_wait_for_a_min_hold(world: World) {
    let hold = TTL;
    drop(world.lock("a").ttl(TTL).min_hold(hold).acquire().await);
    let began = Instant::now();
    world.drain().await;
    assert!(began.elapsed() < hold / 2, "{:?}", began.elapsed());
    assert_eq!(world.keys().await, 1);
}
