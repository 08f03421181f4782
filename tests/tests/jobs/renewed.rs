//! A renewal that is under way when a lock is given back does not lengthen its `min_hold`.

use std::time::Duration;

use lock_runtime::testing::{Command, Fault, LockDouble};
use lock_runtime::{LockGuard, Release};
use tokio::time::{Instant, sleep};

const TTL: Duration = Duration::from_millis(1_800);
const MILLISECOND: Duration = Duration::from_millis(1);
/// For an extension, and for what comes behind it on its connection.
const LATE: Duration = Duration::from_millis(400);

/// Renewed at a third of the ttl, which is as long as it stays at least.
async fn renewed(double: &LockDouble) -> (LockGuard, Instant) {
    let taken = Instant::now();
    let request = double.client().lock("a").ttl(TTL).min_hold(TTL).renew();
    (request.acquire().await.expect("free"), taken)
}

async fn until_free(double: &LockDouble) {
    while double.holder("a").is_some() {
        sleep(MILLISECOND).await;
    }
}

/// Whether it stayed for the `min_hold`, and no longer than what shortened it was held up on its way.
#[track_caller]
fn stayed(taken: Instant, held_up: Duration) {
    let stayed = taken.elapsed();
    assert!(stayed >= TTL, "{stayed:?}");
    assert!(stayed <= TTL + held_up + 3 * MILLISECOND, "{stayed:?}");
}

#[tokio::test(start_paused = true)]
async fn on_the_same_connection() {
    for dropped in [false, true] {
        let double = LockDouble::new();
        double.slow(MILLISECOND);
        let (guard, taken) = renewed(&double).await;
        double.next(Command::Extend, Fault::Delay(LATE));
        sleep(TTL / 3 + 50 * MILLISECOND).await;
        assert_eq!(double.count(Command::Extend), 1);
        if dropped {
            drop(guard);
        } else {
            assert_eq!(guard.release().await.expect("ours"), Release::Kept);
        }
        until_free(&double).await;
        stayed(taken, LATE);
    }
}

#[tokio::test(start_paused = true)]
async fn on_a_second_connection() {
    let double = LockDouble::new();
    double.slow(MILLISECOND);
    let (guard, taken) = renewed(&double).await;
    // The usual one gives no answer, and the other one a late one.
    double.next(Command::Extend, Fault::NoReply);
    double.next(Command::Extend, Fault::Delay(LATE));
    sleep(TTL / 2 + 100 * MILLISECOND).await;
    assert_eq!(double.count(Command::Extend), 2);
    assert_eq!(guard.release().await.expect("ours"), Release::Kept);
    // What was late there has come by now, and what takes it back behind it.
    sleep(500 * MILLISECOND).await;
    double.settled().await;
    until_free(&double).await;
    stayed(taken, LATE);
}

/// Nobody waits for a connection that gives no answer at all.
#[tokio::test(start_paused = true)]
async fn on_a_connection_that_is_silent() {
    let double = LockDouble::new();
    double.slow(MILLISECOND);
    let (guard, taken) = renewed(&double).await;
    double.every(Command::Extend, Fault::Swallow);
    sleep(TTL / 2 + 100 * MILLISECOND).await;
    drop(guard);
    double.settled().await;
    assert!(taken.elapsed() < TTL, "{:?}", taken.elapsed());
    until_free(&double).await;
    stayed(taken, Duration::ZERO);
}

/// A server that could not be reached for the whole `min_hold` is told to delete, not to shorten.
#[tokio::test(start_paused = true)]
async fn what_comes_too_late_is_the_usual_release() {
    let double = LockDouble::new();
    let min_hold = Duration::from_secs(1);
    let request = double.client().lock("a").ttl(60 * min_hold);
    let guard = request.min_hold(min_hold).acquire().await.expect("free");
    double.down();
    drop(guard);
    sleep(2 * min_hold).await;
    double.up();
    double.settled().await;
    assert!(double.left().is_empty(), "{:?}", double.left());
}

/// An answer that gets lost, and a release that is sent twice, change nothing.
#[tokio::test(start_paused = true)]
async fn a_shortening_without_an_answer_is_sent_again() {
    for fault in [
        Fault::NoReply,
        Fault::Swallow,
        Fault::Twice,
        Fault::BreakAfter,
    ] {
        let double = LockDouble::new();
        let (guard, taken) = renewed(&double).await;
        double.next(Command::Release, fault);
        guard.release().await.expect("ours");
        double.settled().await;
        assert!(taken.elapsed() < TTL, "{fault:?}: {:?}", taken.elapsed());
        until_free(&double).await;
        stayed(taken, Duration::ZERO);
    }
}
