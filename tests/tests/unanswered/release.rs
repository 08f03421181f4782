use std::time::Duration;

use lock_runtime::testing::{Command, Fault};
use lock_runtime::{LockError, Ownership, Release, Stored};
use tokio::time::{Instant, sleep};

use crate::{COMMAND_DEADLINE, KEY, TTL, drain, request, world};

#[tokio::test(start_paused = true)]
async fn a_release_whose_reply_was_lost_is_sent_again() {
    let (double, client) = world();
    let guard = request(&client).acquire().await.expect("free");
    double.next(Command::Release, Fault::NoReply);
    // The second finds the work of the first done: no proof that the lock was lost.
    assert_eq!(guard.release().await.expect("ours"), Release::Missing);
    assert_eq!(double.count(Command::Release), 2);
    drain(&client).await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_got_lost_is_sent_again() {
    let (double, client) = world();
    for fault in [Fault::Swallow, Fault::Break] {
        let guard = request(&client).acquire().await.expect("free");
        double.next(Command::Release, fault);
        assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    }
    drain(&client).await;
    assert!(double.memory().keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_lock_is_lost_though_the_reply_of_its_release_is_too() {
    let thief = || Stored::Value(b"thief".to_vec());
    // Past its deadline.
    let (double, client) = world();
    let guard = request(&client).acquire().await.expect("free");
    guard.lost().await;
    sleep(Duration::from_secs(1)).await;
    double.memory().put(KEY, thief(), None);
    double.next(Command::Release, Fault::NoReply);
    let lost = guard.release().await;
    assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
    // As the store itself has said.
    let (double, client) = world();
    let guard = request(&client).acquire().await.expect("free");
    double.memory().put(KEY, thief(), None);
    assert_ne!(guard.check().await.expect("an answer"), Ownership::Mine);
    double.next(Command::Release, Fault::NoReply);
    let lost = guard.release().await;
    assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
    // Past its deadline, with its own token there again: a SET that landed late.
    let (double, client) = world();
    double.next(Command::Acquire, Fault::Break);
    let guard = request(&client).acquire().await.expect("free");
    guard.lost().await;
    let lost = guard.release().await;
    assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
}

#[tokio::test(start_paused = true)]
async fn an_extension_past_the_deadline_says_who_stands_there() {
    let (_, client) = world();
    let guard = request(&client).acquire().await.expect("free");
    guard.lost().await;
    let error = guard.extend().await.expect_err("past its deadline");
    assert!(
        matches!(
            &error,
            LockError::Lost {
                found: Some(Ownership::Mine),
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_release_is_not_told_as_a_failed_acquire() {
    let (double, client) = world();
    for fault in [Fault::Refuse, Fault::Swallow] {
        let guard = request(&client).acquire().await.expect("free");
        double.every(Command::Release, fault);
        let error = guard.release().await.expect_err("fails").to_string();
        assert!(!error.contains("did not run"), "{error}");
        sleep(TTL * 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_for_one_command_deadline_and_the_worker_for_the_ttl() {
    let (double, client) = world();
    let guard = request(&client).acquire().await.expect("free");
    double.every(Command::Release, Fault::Swallow);
    let asked = Instant::now();
    let error = guard.release().await.expect_err("no answer");
    assert!(matches!(error, LockError::Indeterminate { .. }), "{error}");
    assert_eq!(asked.elapsed(), COMMAND_DEADLINE);
    let rest = client.shutdown(Duration::ZERO).await;
    assert_eq!((rest.running, rest.releasing), (0, 1));
    drain(&client).await;
    assert!(asked.elapsed() >= TTL, "{:?}", asked.elapsed());
    assert!(asked.elapsed() < TTL + Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_refused_release_is_told_at_once_and_tried_again() {
    let (double, client) = world();
    let guard = request(&client).acquire().await.expect("free");
    double.next(Command::Release, Fault::Refuse);
    let asked = Instant::now();
    let error = guard.release().await.expect_err("refused");
    assert!(matches!(error, LockError::Backend { .. }), "{error}");
    assert_eq!(asked.elapsed(), Duration::ZERO);
    sleep(Duration::from_millis(100)).await;
    assert!(double.memory().keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_put_off_or_lost_is_not_overtaken() {
    let (double, client) = world();
    for fault in [Fault::NotNow, Fault::Swallow, Fault::Break] {
        let guard = request(&client).acquire().await.expect("free");
        double.next(Command::Release, fault);
        drop(guard);
        let again = request(&client).acquire().await;
        drop(again.expect("never busy against itself"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_does_not_leave_holds_up_the_next_call_for_a_moment_only() {
    let (double, client) = world();
    drop(request(&client).acquire().await.expect("free"));
    double.stall(Duration::from_secs(5));
    let asked = Instant::now();
    let next = request(&client).acquire().await;
    assert!(next.is_err(), "{next:?}");
    assert!(asked.elapsed() <= COMMAND_DEADLINE + Duration::from_millis(1));
    sleep(Duration::from_secs(20)).await;
    assert!(double.memory().keys().is_empty());
}
