use std::sync::Arc;
use std::time::Duration;

use lock_runtime::{LockClient, Ownership, distributed_lock};
use redis::cmd;
use tests::Server;
use tokio::time::{Instant, sleep};

use crate::{JobError, Noted, Seen, step};

const TTL: Duration = Duration::from_secs(1);
/// The ttl less its margin.
const TRUSTED: Duration = Duration::from_millis(988);

async fn client() -> LockClient {
    LockClient::connect(&Server::shared().url())
        .await
        .expect("the server answers")
}

/// What stands at a key, after whatever a stranger does to it.
async fn stranger(words: &[&str]) -> Option<String> {
    let mut connection = Server::shared().raw().await;
    cmd(words[0])
        .arg(&words[1..])
        .query_async(&mut connection)
        .await
        .expect("the server obeys")
}

#[distributed_lock(key = "cancelled", ttl = TTL)]
async fn cancelled(seen: Arc<Seen>) -> Result<(), JobError> {
    let _noted = Noted(seen.clone());
    loop {
        step(&seen, Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_body_that_outlives_its_ttl_is_cut_off_before_the_next_may_begin() {
    let client = client().await;
    let (seen, asked) = (Arc::new(Seen::default()), Instant::now());
    let next = async {
        sleep(TTL / 5).await;
        let request = client.lock("cancelled").wait(Duration::from_secs(20));
        let guard = request.acquire().await.expect("freed");
        let began = Instant::now();
        guard.release().await.expect("ours");
        began
    };
    let (lost, began) = tokio::join!(client.scope(cancelled(seen.clone())), next);
    assert!(matches!(lost, Err(JobError::Lost(_))), "{lost:?}");
    assert!(seen.polls() > 5);
    assert!(seen.last_poll() <= asked + TTL + Duration::from_secs(1));
    assert!(seen.dropped() >= asked + TRUSTED);
    assert!(seen.dropped() < began, "two inside");
}

#[distributed_lock(key = "blocked:<name>", ttl = TTL, on_lost = "finish")]
async fn blocked(name: &str, length: Duration) -> Result<u32, JobError> {
    // As a body that computes: nothing can stop it in time.
    std::thread::sleep(length);
    Ok(1)
}

#[tokio::test]
async fn a_body_that_ends_after_its_key_expired_is_lost() {
    let client = client().await;
    let late = client.scope(blocked("late", TTL * 2)).await;
    assert_eq!(late, Err(JobError::Lost(Some(false))));
    let early = client.scope(blocked("early", TTL / 10)).await;
    assert_eq!(early, Ok(1));
}

#[distributed_lock(key = "late", ttl = TTL, on_lost = "finish", guard = lock)]
async fn late_but_ours() -> Result<u32, JobError> {
    // A stranger lengthens the ttl, so that our token is there though our deadline is over.
    stranger(&["GETEX", lock.key(), "EX", "60"]).await;
    lock.lost().await;
    Ok(1)
}

#[tokio::test]
async fn a_body_that_ends_late_counts_if_the_key_is_still_ours() {
    assert_eq!(client().await.scope(late_but_ours()).await, Ok(1));
    assert_eq!(stranger(&["GET", "lock:late"]).await, None);
}

#[distributed_lock(key = "robbed:<name>", ttl = 20, guard = lock)]
async fn robbed(name: &str, theft: &[&str], check: bool) -> Result<u32, JobError> {
    stranger(theft).await;
    if check {
        assert_ne!(lock.check().await?, Ownership::Mine);
        // Known to be lost from here on: the body is not polled again.
        sleep(Duration::from_mins(1)).await;
    }
    Ok(u32::try_from(name.len()).unwrap_or_default())
}

#[tokio::test]
async fn a_key_stolen_or_deleted_in_mid_body_is_lost_and_left_alone() {
    let client = client().await;
    for check in [false, true] {
        let theft = ["SET", "lock:robbed:stolen", "thief"];
        let stolen = client.scope(robbed("stolen", &theft, check)).await;
        assert_eq!(stolen, Err(JobError::Lost(Some(false))));
        let there = stranger(&["GETDEL", "lock:robbed:stolen"]).await;
        assert_eq!(there.as_deref(), Some("thief"));
        let theft = ["GETDEL", "lock:robbed:deleted"];
        let deleted = client.scope(robbed("deleted", &theft, check)).await;
        assert_eq!(deleted, Err(JobError::Lost(Some(false))));
    }
}

#[distributed_lock(key = "cut off", ttl = 30)]
async fn cut_off(server: &Server) -> Result<u32, JobError> {
    let mut stranger = server.raw().await;
    let set = cmd("SET").arg("lock:cut off").arg("thief").to_owned();
    let kill = cmd("CLIENT").arg(&["KILL", "TYPE", "normal"]).to_owned();
    set.exec_async(&mut stranger)
        .await
        .expect("the server obeys");
    kill.exec_async(&mut stranger)
        .await
        .expect("the server obeys");
    sleep(Duration::from_millis(300)).await;
    Ok(1)
}

#[tokio::test]
async fn a_key_stolen_while_the_connection_was_gone_is_lost() {
    let server = Server::start(&[]);
    let client = LockClient::connect(&server.url()).await.expect("answers");
    // The release cannot have been sent on the connection of the SET: what it finds is no work of
    // its own.
    let lost = client.scope(cut_off(&server)).await;
    assert_eq!(lost, Err(JobError::Lost(Some(false))));
}
