use std::time::Duration;

use lock_runtime::testing::{Command, Fault, LockDouble};
use lock_runtime::{LockClient, LockError, Ownership, Stored, distributed_lock};
use tokio::time::{Instant, sleep};

use crate::{COMMAND_DEADLINE, KEY, TTL, drain, world};

#[distributed_lock(key = "a", ttl = 1, on_lost = "finish")]
async fn finish(double: LockDouble, length: Duration, faults: &[Fault]) -> Result<u32, LockError> {
    for fault in faults {
        double.next(Command::Release, *fault);
    }
    sleep(length).await;
    Ok(1)
}

async fn finished(
    (double, client): &(LockDouble, LockClient),
    length: Duration,
    faults: &[Fault],
) -> Result<u32, LockError> {
    client.scope(finish(double.clone(), length, faults)).await
}

const IN_TIME: Duration = Duration::from_millis(100);
/// Past the deadline of 988 ms, before the ttl is over.
const LATE: Duration = Duration::from_millis(990);

#[tokio::test(start_paused = true)]
async fn in_time_a_release_without_an_answer_changes_nothing() {
    let world = world();
    let faults = [Fault::Swallow; 100];
    let asked = Instant::now();
    assert_eq!(finished(&world, IN_TIME, &faults).await.ok(), Some(1));
    assert!(asked.elapsed() <= IN_TIME + COMMAND_DEADLINE);
    drain(&world.1).await;
}

#[tokio::test(start_paused = true)]
async fn in_time_a_release_whose_reply_was_lost_changes_nothing() {
    let world = world();
    let done = finished(&world, IN_TIME, &[Fault::NoReply]).await;
    assert_eq!(done.ok(), Some(1));
    drain(&world.1).await;
}

#[tokio::test(start_paused = true)]
async fn late_only_an_answer_that_shows_our_token_counts() {
    let world = world();
    assert_eq!(finished(&world, LATE, &[]).await.ok(), Some(1));
    for faults in [&[Fault::NoReply][..], &[Fault::Swallow; 100]] {
        let lost = finished(&world, LATE, faults).await;
        assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
        sleep(Duration::from_mins(1)).await;
    }
    drain(&world.1).await;
}

#[tokio::test(start_paused = true)]
async fn late_our_token_does_not_count_while_a_set_may_still_land() {
    let world = world();
    // The first SET is lost with its connection, so it may land at any time; the second is granted.
    world.0.next(Command::Acquire, Fault::Break);
    let lost = finished(&world, LATE, &[]).await;
    assert!(
        matches!(
            &lost,
            Err(LockError::Lost {
                found: Some(Ownership::Mine),
                ..
            })
        ),
        "{lost:?}"
    );
    world.0.next(Command::Acquire, Fault::Break);
    assert_eq!(finished(&world, IN_TIME, &[]).await.ok(), Some(1));
    drain(&world.1).await;
}

#[distributed_lock(key = "a", ttl = 10, on_lost = "finish")]
async fn robbed(double: LockDouble) -> Result<u32, LockError> {
    sleep(TTL).await;
    let thief = Stored::Value(b"thief".to_vec());
    double.memory().put(KEY, thief, None);
    for _ in 0..3 {
        double.next(Command::Release, Fault::Swallow);
    }
    double.next(Command::Inspect, Fault::Swallow);
    Ok(1)
}

#[tokio::test(start_paused = true)]
async fn lost_is_told_within_one_command_deadline() {
    let (double, client) = world();
    let asked = Instant::now();
    let lost = client.scope(robbed(double)).await;
    assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
    let bound = TTL + COMMAND_DEADLINE + Duration::from_millis(2);
    assert!(asked.elapsed() <= bound, "{:?}", asked.elapsed());
}

#[distributed_lock(key = "a", ttl = "900ms", renew, guard = lock)]
async fn renewed(double: LockDouble) -> Result<Duration, LockError> {
    // The renewal at 300 ms gets no answer, nor does any check or renewal after it.
    double.every(Command::Extend, Fault::NoReply);
    double.every(Command::Inspect, Fault::Swallow);
    sleep(Duration::from_mins(1)).await;
    Ok(lock.remaining())
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_renewal_never_moves_the_deadline() {
    let (double, client) = world();
    let asked = Instant::now();
    let lost = client.scope(renewed(double.clone())).await;
    assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
    assert!(double.count(Command::Extend) >= 1);
    // 900 ms less the margin of 11 ms: the body was cut off then, though each renewal had run.
    let cut = asked.elapsed();
    assert!(cut >= Duration::from_millis(889), "{cut:?}");
    assert!(cut < Duration::from_millis(900), "{cut:?}");
    assert!(!double.memory().keys().contains(&KEY.to_owned()));
    drain(&client).await;
}

#[distributed_lock(key = "a", ttl = "600ms", renew)]
async fn renewed_late(double: LockDouble) -> Result<(), LockError> {
    double.next(Command::Extend, Fault::Swallow);
    sleep(Duration::from_secs(5)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_got_lost_is_sent_again_before_the_deadline() {
    let (double, client) = world();
    let done = client.scope(renewed_late(double.clone())).await;
    assert!(done.is_ok(), "{done:?}");
    drain(&client).await;
}
