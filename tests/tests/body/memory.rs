use std::sync::Arc;
use std::time::Duration;

use lock_runtime::distributed_lock;
use lock_runtime::testing::LockDouble;
use tokio::time::{Instant, sleep};

use crate::{JobError, Noted, Seen, step};

#[distributed_lock(key = "job", ttl = 1)]
async fn cancelled(seen: Arc<Seen>, steps: u32) -> Result<u32, JobError> {
    let _noted = Noted(seen.clone());
    for _ in 0..steps {
        step(&seen, Duration::from_millis(100)).await;
    }
    Ok(steps)
}

#[distributed_lock(key = "job", ttl = 1, on_lost = "finish")]
async fn finishing(length: Duration, output: Result<u32, JobError>) -> Result<u32, JobError> {
    sleep(length).await;
    output
}

/// What happens to the key while the body runs.
#[derive(Clone, Copy)]
enum Theft {
    Taken,
    Deleted,
}

#[distributed_lock(key = "job", ttl = 1, on_lost = "finish", guard = lock)]
async fn robbed(
    double: LockDouble,
    theft: Theft,
    length: Duration,
    output: Result<u32, JobError>,
) -> Result<u32, JobError> {
    assert!(!lock.remaining().is_zero());
    match theft {
        Theft::Taken => double.busy("job", "thief"),
        Theft::Deleted => double.free("job"),
    }
    sleep(length).await;
    output
}

#[tokio::test(start_paused = true)]
async fn a_body_that_outlives_its_ttl_is_never_polled_late() {
    let double = LockDouble::new();
    let (seen, began) = (Arc::new(Seen::default()), Instant::now());
    let result = double.client().scope(cancelled(seen.clone(), 30)).await;
    assert_eq!(result, Err(JobError::Lost(Some(true))));
    let last = seen.last_poll();
    assert!(
        last < began + Duration::from_millis(988),
        "{:?}",
        last - began
    );
    assert!(seen.polls() >= 10);
    assert!(seen.dropped() >= last);
    assert!(double.left().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_body_woken_after_its_deadline_is_not_polled_again() {
    let double = LockDouble::new();
    let seen = Arc::new(Seen::default());
    let mut call = std::pin::pin!(double.client().scope(cancelled(seen.clone(), 3)));
    // Polled once, then not before the deadline is over: a stopped process, a starved runtime.
    tokio::select! {
        biased;
        _ = &mut call => panic!("it takes longer"),
        () = sleep(Duration::from_millis(10)) => {}
    }
    tokio::time::advance(Duration::from_secs(2)).await;
    let polls = seen.polls();
    assert_eq!(call.await, Err(JobError::Lost(Some(false))));
    assert_eq!(seen.polls(), polls);
    assert!(double.left().is_empty());
}

#[tokio::test(start_paused = true)]
async fn finishing_late_counts_only_if_the_key_is_still_ours() {
    let double = LockDouble::new();
    // Past the deadline (988 ms), before the ttl is over.
    let late = Duration::from_millis(995);
    assert_eq!(double.client().scope(finishing(late, Ok(1))).await, Ok(1));
    let expired = Duration::from_secs(2);
    let result = double.client().scope(finishing(expired, Ok(1))).await;
    assert_eq!(result, Err(JobError::Lost(Some(false))));
    let result = double
        .client()
        .scope(finishing(expired, Err(JobError::Own)))
        .await;
    assert_eq!(result, Err(JobError::Own));
    assert!(double.left().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_key_stolen_in_mid_body_is_left_alone_and_lost() {
    for length in [Duration::from_millis(1), Duration::from_secs(2)] {
        let double = LockDouble::new();
        let call = robbed(double.clone(), Theft::Taken, length, Ok(1));
        assert_eq!(
            double.client().scope(call).await,
            Err(JobError::Lost(Some(false)))
        );
        assert!(double.holder("job").is_some());
        double.free("job");
        let call = robbed(double.clone(), Theft::Taken, length, Err(JobError::Own));
        assert_eq!(double.client().scope(call).await, Err(JobError::Own));
        assert!(double.holder("job").is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_deleted_in_mid_body_is_lost() {
    for length in [Duration::from_millis(1), Duration::from_secs(2)] {
        let double = LockDouble::new();
        let call = robbed(double.clone(), Theft::Deleted, length, Ok(1));
        assert_eq!(
            double.client().scope(call).await,
            Err(JobError::Lost(Some(false)))
        );
    }
}

#[distributed_lock(key = "job", ttl = 1, guard = lock)]
async fn spawning(stopped: tokio::sync::oneshot::Sender<Instant>) -> Result<(), JobError> {
    let lost = lock.lost();
    tokio::spawn(async move {
        lost.await;
        // The test may have failed already.
        let _ = stopped.send(Instant::now());
    });
    sleep(Duration::from_secs(5)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_task_of_the_body_learns_that_the_lock_is_lost() {
    let double = LockDouble::new();
    let began = Instant::now();
    let (stopped, stop) = tokio::sync::oneshot::channel();
    let lost = double.client().scope(spawning(stopped)).await;
    assert_eq!(lost, Err(JobError::Lost(Some(true))));
    let after = stop.await.expect("it is told") - began;
    assert_eq!(after, Duration::from_millis(988));
}
