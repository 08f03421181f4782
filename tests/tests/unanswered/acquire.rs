use std::time::Duration;

use lock_runtime::testing::{Command, Fault};
use lock_runtime::{Holder, LockError, Ownership, Release, Stored};
use tokio::time::{Instant, sleep};

use crate::{COMMAND_DEADLINE, KEY, PATIENCE, TTL, drain, request, world};

/// The ttl less its margin.
const TRUSTED: Duration = Duration::from_millis(9_898);

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_held_after_a_check_from_the_first_sending() {
    let (double, client) = world();
    double.next(Command::Acquire, Fault::NoReply);
    let asked = Instant::now();
    let guard = request(&client).acquire().await.expect("it is ours");
    assert_eq!(double.count(Command::Acquire), 1);
    assert_eq!(double.count(Command::Inspect), 1);
    assert_eq!(asked.elapsed(), PATIENCE);
    assert_eq!(guard.remaining() + PATIENCE, TRUSTED);
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_and_a_lost_check_are_held_after_the_next_set() {
    let (double, client) = world();
    double.next(Command::Acquire, Fault::NoReply);
    double.next(Command::Inspect, Fault::Swallow);
    let asked = Instant::now();
    let guard = request(&client).acquire().await.expect("it is ours");
    // Never busy against itself, and never trusted for longer than the first SET allows.
    assert_eq!(double.count(Command::Acquire), 2);
    assert!(guard.remaining() + asked.elapsed() <= TRUSTED);
    guard.release().await.expect("ours");
    drain(&client).await;
    assert!(double.memory().keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_of_a_refusal_is_busy() {
    let (double, client) = world();
    double
        .memory()
        .put(KEY, Stored::Value(b"thief".to_vec()), None);
    double.next(Command::Acquire, Fault::NoReply);
    let error = request(&client).acquire().await.expect_err("a thief's");
    assert!(
        matches!(
            &error,
            LockError::Busy {
                holder: Some(Holder::Foreign(_)),
                ..
            }
        ),
        "{error}"
    );
    drain(&client).await;
    assert_eq!(double.memory().keys(), [KEY]);
}

#[tokio::test(start_paused = true)]
async fn free_is_not_final_while_a_set_may_be_on_its_way() {
    let (double, client) = world();
    // The connection is held up for longer than the client takes it for sound.
    double.next(Command::Acquire, Fault::Delay(Duration::from_millis(1_200)));
    double.next(Command::Inspect, Fault::Swallow);
    let guard = request(&client).acquire().await.expect("the next SET");
    assert_eq!(double.connections(), 2);
    // Granted on the second connection: counted from that sending.
    assert!(guard.remaining() + Duration::from_millis(100) >= TRUSTED);
    // The first SET lands now and finds its own token: nothing happens.
    sleep(Duration::from_secs(2)).await;
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
    guard.release().await.expect("ours");
    drain(&client).await;
    assert!(double.memory().keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_says_nothing_is_indeterminate_and_leaves_no_key() {
    let (double, client) = world();
    double.stall(Duration::from_secs(5));
    let asked = Instant::now();
    let error = request(&client).acquire().await.expect_err("no answer");
    assert!(
        matches!(&error, LockError::Indeterminate { key, .. } if key == KEY),
        "{error}"
    );
    assert!(error.to_string().contains("indeterminate"), "{error}");
    assert!(
        asked.elapsed() <= COMMAND_DEADLINE + Duration::from_millis(1),
        "{:?}",
        asked.elapsed()
    );
    // The server goes on and does all it was told: the SETs, then a CAD behind each.
    sleep(Duration::from_secs(5)).await;
    assert!(double.count(Command::Acquire) >= 2);
    assert!(double.memory().keys().is_empty());
    drain(&client).await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_set_that_lands_late_is_deleted_behind_it() {
    let (double, client) = world();
    double.next(Command::Acquire, Fault::Delay(Duration::from_secs(3)));
    tokio::select! {
        biased;
        _ = request(&client).acquire() => panic!("it is held up"),
        () = sleep(Duration::from_millis(50)) => {}
    }
    sleep(Duration::from_secs(4)).await;
    assert!(double.memory().keys().is_empty());
    drain(&client).await;
}

#[tokio::test(start_paused = true)]
async fn a_set_on_a_broken_connection_is_looked_for_until_its_ttl_is_over() {
    let (double, client) = world();
    double.every(Command::Acquire, Fault::Break);
    let error = request(&client).acquire().await.expect_err("no answer");
    assert!(matches!(error, LockError::Indeterminate { .. }), "{error}");
    let token_lives_until = Instant::now() + TTL;
    drain(&client).await;
    assert!(Instant::now() >= token_lives_until);
    assert!(double.count(Command::Release) > 5);
}

#[tokio::test(start_paused = true)]
async fn our_own_token_past_its_deadline_is_extended_before_it_counts() {
    let (double, client) = world();
    let (ttl, trusted) = (Duration::from_millis(900), Duration::from_millis(889));
    double.next(Command::Acquire, Fault::NoReply);
    // The check is answered at 890 ms: past the deadline of the SET, before its ttl is over.
    double.next(Command::Inspect, Fault::Delay(Duration::from_millis(390)));
    let guard = client.lock("a").ttl(ttl).acquire().await.expect("ours");
    assert_eq!(double.count(Command::Extend), 1);
    assert_eq!(guard.remaining(), trusted);
    guard.release().await.expect("ours");
    // Answered only when the ttl is over: free again, and taken anew.
    double.next(Command::Acquire, Fault::NoReply);
    double.next(Command::Inspect, Fault::Delay(Duration::from_millis(450)));
    let guard = client.lock("a").ttl(ttl).acquire().await.expect("free");
    assert_eq!(double.count(Command::Acquire), 3);
    assert_eq!(double.count(Command::Extend), 1);
    assert_eq!(guard.remaining(), trusted);
    guard.release().await.expect("ours");
    drain(&client).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_at_once() {
    let (double, client) = world();
    double.next(Command::Acquire, Fault::Refuse);
    let asked = Instant::now();
    let error = request(&client).acquire().await.expect_err("refused");
    assert!(
        matches!(&error, LockError::Backend { key: Some(key), .. } if key == KEY),
        "{error}"
    );
    assert!(error.to_string().contains("NOPERM"), "{error}");
    assert_eq!(asked.elapsed(), Duration::ZERO);
    drain(&client).await;
    assert_eq!(double.count(Command::Release), 0);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_never_ready_is_told_as_it_says() {
    let (double, client) = world();
    double.every(Command::Acquire, Fault::NotNow);
    let error = request(&client).acquire().await.expect_err("not ready");
    // Every SET was answered: nothing is unknown, nothing has to be given back.
    assert!(matches!(error, LockError::Backend { .. }), "{error}");
    assert!(error.to_string().contains("LOADING"), "{error}");
    drain(&client).await;
    assert_eq!(double.count(Command::Release), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_shorter_than_a_round_trip_takes_a_free_lock() {
    let (double, client) = world();
    double.next(Command::Acquire, Fault::Delay(Duration::from_millis(50)));
    let request = request(&client).wait(Duration::from_millis(2));
    let guard = request.acquire().await.expect("free");
    guard.release().await.expect("ours");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_leaves_the_line_and_nothing_else() {
    let (double, client) = world();
    double
        .memory()
        .put(KEY, Stored::Value(b"stranger".to_vec()), None);
    for _ in 0..10 {
        let request = request(&client).wait(Duration::from_millis(150));
        let error = request.acquire().await.expect_err("a stranger's");
        assert!(matches!(error, LockError::WaitTimeout { .. }), "{error}");
    }
    drain(&client).await;
    assert_eq!(double.count(Command::Release), 10);
    assert_eq!(double.released("a"), 0);
    assert_eq!(double.memory().keys(), [KEY]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_never_answered_is_indeterminate_not_busy() {
    let (double, client) = world();
    double.stall(Duration::from_mins(1));
    let wait = Duration::from_millis(300);
    let asked = Instant::now();
    let error = request(&client)
        .wait(wait)
        .acquire()
        .await
        .expect_err("no answer");
    assert!(matches!(error, LockError::Indeterminate { .. }), "{error}");
    assert!(asked.elapsed() <= COMMAND_DEADLINE + Duration::from_millis(1));
}
