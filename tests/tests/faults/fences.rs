//! Fencing tokens on servers that forget, and on nodes of a Cluster.

use std::time::Duration;

use tests::Server;

use crate::{connect, drain, run, until};

const COMMAND_DEADLINE: Duration = Duration::from_secs(6);

#[tokio::test]
async fn a_fence_grows_over_restarts_without_data() {
    let server = Server::start(&[]);
    let client = connect(&server.url(), COMMAND_DEADLINE).await;
    let mut last = None;
    for _ in 0..5 {
        let request = client.lock("a").fenced().wait(Duration::from_secs(10));
        let guard = request.acquire().await.expect("free");
        let token = guard.fencing_token();
        assert!(token.is_some() && token > last, "{token:?} after {last:?}");
        last = token;
        server.restart();
        drop(guard);
    }
}

#[tokio::test]
async fn a_fence_key_expires_so_that_memory_stays_bounded() {
    let server = Server::start(&[]);
    let client = connect(&server.url(), COMMAND_DEADLINE).await;
    let guard = client.lock("a").fenced().acquire().await.expect("free");
    guard.release().await.expect("ours");
    let left: u128 = run(&mut server.raw().await, &["PTTL", "lock:fence:{lock:a}"]).await;
    let day = Duration::from_hours(24).as_millis();
    assert!((day - 60_000..=day).contains(&left), "{left}");
}

#[tokio::test]
async fn a_fence_lies_in_the_slot_of_its_lock_or_a_cluster_node_would_refuse() {
    let bus = Server::free_port().to_string();
    let server = Server::start_in(
        Some(Server::folder()),
        &["--cluster-enabled", "yes", "--cluster-port", &bus],
    );
    let mut stranger = server.raw().await;
    let _: () = run(&mut stranger, &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    until(Duration::from_secs(10), async || {
        let told: String = run(&mut stranger, &["CLUSTER", "INFO"]).await;
        told.contains("cluster_state:ok")
    })
    .await;
    let client = connect(&server.url(), COMMAND_DEADLINE).await;
    for key in ["order:42", "{o:1}:x", "a}{b}", "x:{1}{2}"] {
        let guard = client.lock(key).fenced().acquire().await;
        let guard = guard.unwrap_or_else(|error| panic!("{key}: {error}"));
        assert!(guard.fencing_token().is_some());
        guard.release().await.expect("ours");
    }
    drain(&client).await;
}
