//! Servers that may evict locks: a warning at connect, and what a holder learns.

use std::time::Duration;

use lock_runtime::{LockClient, LockError, Ownership};
use tests::{Events, Fault, Proxy, Server};
use tokio::time::Instant;
use tracing::Level;

use crate::run;

/// What a client is warned of when it connects, and at its first use.
async fn warnings(url: &str) -> Vec<String> {
    let warnings = Events::of(Level::WARN);
    let _default = tracing::subscriber::set_default(warnings.clone());
    let client = LockClient::connect(url).await.expect("answers");
    let guard = client.lock("a").acquire().await.expect("free");
    guard.release().await.expect("ours");
    warnings.told()
}

#[tokio::test]
async fn a_policy_that_evicts_is_warned_of_once_at_connect() {
    let server = Server::start(&["--maxmemory", "100mb"]);
    let mut stranger = server.raw().await;
    assert_eq!(warnings(&server.url()).await, Vec::<String>::new());
    for policy in ["allkeys-lru", "volatile-lru", "volatile-ttl"] {
        let _: () = run(
            &mut stranger,
            &["CONFIG", "SET", "maxmemory-policy", policy],
        )
        .await;
        let told = warnings(&server.url()).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(policy), "{told:?}");
        assert!(told[0].contains("maxmemory-policy"), "{told:?}");
        assert!(told[0].contains("noeviction"), "{told:?}");
    }
}

#[tokio::test]
async fn a_user_who_may_not_ask_for_the_policy_is_not_bothered() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    let mut stranger = server.raw().await;
    let rules = "ACL SETUSER locks on >word resetchannels -@all +set +get +del +pexpire +pttl +eval +evalsha ~lock:*";
    let _: () = run(&mut stranger, &rules.split(' ').collect::<Vec<_>>()).await;
    let url = format!("redis://locks:word@127.0.0.1:{}", server.port());
    assert_eq!(warnings(&url).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_does_not_tell_its_policy_delays_connecting_by_one_answer_at_most() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    for fault in [Fault::BlackHole, Fault::SwallowReply, Fault::Reset] {
        let proxy = Proxy::start(server.port()).await;
        proxy.plan("CONFIG", fault);
        let asked = Instant::now();
        let client = LockClient::connect(&proxy.url()).await.expect("answers");
        // A quarter of the command deadline, not the whole of it.
        assert!(
            asked.elapsed() < Duration::from_millis(1_800),
            "{:?}",
            asked.elapsed()
        );
        assert_eq!(proxy.met(), 1);
        let guard = client.lock("a").acquire().await.expect("free");
        guard.release().await.expect("ours");
    }
}

#[tokio::test]
async fn an_evicted_lock_is_lost_and_its_holder_is_told() {
    for policy in ["allkeys-lru", "volatile-lru", "volatile-ttl"] {
        let server = Server::start(&["--maxmemory-policy", policy]);
        let mut stranger = server.raw().await;
        let client = LockClient::connect(&server.url()).await.expect("answers");
        let guard = client.lock("a").acquire().await.expect("free");
        let _: () = run(&mut stranger, &["CONFIG", "SET", "maxmemory", "1"]).await;
        // A write makes room, if it can.
        let _: Result<(), _> = redis::cmd("SET")
            .arg("b")
            .arg("1")
            .query_async(&mut stranger)
            .await;
        assert_eq!(guard.check().await.expect("an answer"), Ownership::Free);
        let lost = guard.release().await;
        assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
    }
}
