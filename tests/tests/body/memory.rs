use std::sync::Arc;
use std::time::Duration;

use lock_runtime::{LockClient, MemoryStore, Stored, distributed_lock};
use tokio::time::{Instant, sleep};

use crate::{JobError, Noted, Seen, step};

const KEY: &str = "lock:job";

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

#[distributed_lock(key = "job", ttl = 1, on_lost = "finish", guard = lock)]
async fn robbed(
    memory: MemoryStore,
    put: Option<Stored>,
    length: Duration,
    output: Result<u32, JobError>,
) -> Result<u32, JobError> {
    assert!(!lock.remaining().is_zero());
    match put {
        Some(stored) => memory.put(KEY, stored, None),
        None => memory.remove(KEY),
    }
    sleep(length).await;
    output
}

fn world() -> (MemoryStore, LockClient) {
    let memory = MemoryStore::new();
    let client = LockClient::builder()
        .store(memory.clone())
        .expect("default settings");
    (memory, client)
}

#[tokio::test(start_paused = true)]
async fn a_body_that_outlives_its_ttl_is_never_polled_late() {
    let (memory, client) = world();
    let (seen, began) = (Arc::new(Seen::default()), Instant::now());
    let result = client.scope(cancelled(seen.clone(), 30)).await;
    assert_eq!(result, Err(JobError::Lost(Some(true))));
    let last = seen.last_poll();
    assert!(
        last < began + Duration::from_millis(988),
        "{:?}",
        last - began
    );
    assert!(seen.polls() >= 10);
    assert!(seen.dropped() >= last);
    assert!(memory.keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_body_woken_after_its_deadline_is_not_polled_again() {
    let (memory, client) = world();
    let seen = Arc::new(Seen::default());
    let mut call = std::pin::pin!(client.scope(cancelled(seen.clone(), 3)));
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
    assert!(memory.keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn finishing_late_counts_only_if_the_key_is_still_ours() {
    let (memory, client) = world();
    // Past the deadline (988 ms), before the ttl is over.
    let late = Duration::from_millis(995);
    assert_eq!(client.scope(finishing(late, Ok(1))).await, Ok(1));
    let expired = Duration::from_secs(2);
    let result = client.scope(finishing(expired, Ok(1))).await;
    assert_eq!(result, Err(JobError::Lost(Some(false))));
    let result = client.scope(finishing(expired, Err(JobError::Own))).await;
    assert_eq!(result, Err(JobError::Own));
    assert!(memory.keys().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_key_stolen_in_mid_body_is_left_alone_and_lost() {
    for length in [Duration::from_millis(1), Duration::from_secs(2)] {
        let (memory, client) = world();
        let thief = || Some(Stored::Value(b"thief".to_vec()));
        let call = robbed(memory.clone(), thief(), length, Ok(1));
        assert_eq!(client.scope(call).await, Err(JobError::Lost(Some(false))));
        assert_eq!(memory.keys(), [KEY]);
        memory.remove(KEY);
        let call = robbed(memory.clone(), thief(), length, Err(JobError::Own));
        assert_eq!(client.scope(call).await, Err(JobError::Own));
        assert_eq!(memory.keys(), [KEY]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_deleted_in_mid_body_is_lost() {
    for length in [Duration::from_millis(1), Duration::from_secs(2)] {
        let (memory, client) = world();
        let call = robbed(memory.clone(), None, length, Ok(1));
        assert_eq!(client.scope(call).await, Err(JobError::Lost(Some(false))));
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
    let (_, client) = world();
    let began = Instant::now();
    let (stopped, stop) = tokio::sync::oneshot::channel();
    let lost = client.scope(spawning(stopped)).await;
    assert_eq!(lost, Err(JobError::Lost(Some(true))));
    let after = stop.await.expect("it is told") - began;
    assert_eq!(after, Duration::from_millis(988));
}
