//! Servers that refuse in mid-life: MISCONF, NOREPLICAS, MOVED, another password.

use std::fs;
use std::time::Duration;

use lock_runtime::{LockClient, LockError, Ownership};
use tests::Server;
use tokio::time::{Instant, sleep};

use crate::{connect, drain, keys, run, until, until_empty};

const TTL: Duration = Duration::from_mins(10);

/// A refused call is told at once, with the key, and what the server said.
fn told(error: &LockError, key: &str, words: &[&str]) {
    println!("{error}");
    assert!(
        matches!(error, LockError::Backend { key: Some(named), .. } if named == key),
        "{error}"
    );
    for word in words {
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[tokio::test]
async fn too_few_replicas_refuse_an_acquire_and_a_release_and_both_are_told() {
    let server = Server::start(&[]);
    let mut stranger = server.raw().await;
    let client = connect(&server.url(), Duration::from_secs(2)).await;
    let guard = client.lock("held").ttl(TTL).acquire().await.expect("free");
    let dropped = client.lock("dropped").ttl(TTL).acquire().await;
    let needed = ["CONFIG", "SET", "min-replicas-to-write", "1"];
    let _: () = run(&mut stranger, &needed).await;
    let words = ["NOREPLICAS", "min-replicas-to-write"];
    let error = client.lock("new").acquire().await.expect_err("refused");
    told(&error, "lock:new", &words);
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
    let asked = Instant::now();
    let error = guard.release().await.expect_err("refused");
    told(&error, "lock:held", &words);
    assert!(
        asked.elapsed() < Duration::from_secs(1),
        "{:?}",
        asked.elapsed()
    );
    drop(dropped.expect("free"));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(keys(&server).await, 2);
    // They come back, and what was to be released is, long before its ttl.
    let needed = ["CONFIG", "SET", "min-replicas-to-write", "0"];
    let _: () = run(&mut stranger, &needed).await;
    until_empty(&server, Duration::from_secs(5)).await;
    drain(&client).await;
}

#[tokio::test]
async fn a_server_that_cannot_save_refuses_and_says_so_and_works_again_when_mended() {
    let server = Server::start_in(Some(Server::folder()), &["--save", "3600 1"]);
    let mut stranger = server.raw().await;
    let client = connect(&server.url(), Duration::from_secs(2)).await;
    let guard = client.lock("held").ttl(TTL).acquire().await.expect("free");
    let folder = server.works_in().expect("a folder of its own");
    fs::remove_dir_all(folder).expect("it is ours");
    let _: () = run(&mut stranger, &["BGSAVE"]).await;
    until(Duration::from_secs(10), async || {
        let told: String = run(&mut stranger, &["INFO", "persistence"]).await;
        told.contains("rdb_last_bgsave_status:err")
    })
    .await;
    let words = ["MISCONF", "cannot save to disk"];
    let error = client.lock("new").acquire().await.expect_err("refused");
    told(&error, "lock:new", &words);
    let error = guard.release().await.expect_err("refused");
    told(&error, "lock:held", &words);
    let writes = ["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"];
    let _: () = run(&mut stranger, &writes).await;
    until_empty(&server, Duration::from_secs(5)).await;
    drain(&client).await;
}

#[tokio::test]
async fn a_slot_that_moved_to_another_node_is_told_and_not_followed() {
    let node = || {
        let bus = Server::free_port().to_string();
        let words = ["--cluster-enabled", "yes", "--cluster-port", &bus];
        let server = Server::start_in(Some(Server::folder()), &words);
        (server, bus)
    };
    let ((first, _), (second, bus)) = (node(), node());
    let (mut one, mut two) = (first.raw().await, second.raw().await);
    let _: () = run(&mut one, &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    let port = second.port().to_string();
    let _: () = run(&mut one, &["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await;
    let id: String = run(&mut two, &["CLUSTER", "MYID"]).await;
    until(Duration::from_secs(10), async || {
        let nodes: String = run(&mut one, &["CLUSTER", "NODES"]).await;
        nodes
            .lines()
            .any(|line| line.starts_with(&id) && !line.contains("handshake"))
    })
    .await;
    let client = connect(&first.url(), Duration::from_secs(6)).await;
    let guard = client.lock("a").acquire().await.expect("free");
    guard.release().await.expect("ours");
    let slot: u64 = run(&mut one, &["CLUSTER", "KEYSLOT", "lock:a"]).await;
    let slot = slot.to_string();
    let _: () = run(&mut one, &["CLUSTER", "SETSLOT", &slot, "NODE", &id]).await;
    let error = client.lock("a").acquire().await.expect_err("moved");
    told(&error, "lock:a", &["MOVED", "standalone"]);
    // No answer makes its connection useless: keys of other slots work.
    let guard = client.lock("b").acquire().await.expect("free");
    guard.release().await.expect("ours");
    drain(&client).await;
}

#[tokio::test]
async fn a_password_changed_in_mid_life_is_told_and_a_client_made_with_the_new_one_works() {
    let server = Server::start(&["--requirepass", "first"]);
    let mut stranger = server.raw().await;
    let client = connect(&server.url(), Duration::from_secs(2)).await;
    let guard = client.lock("a").ttl(TTL).acquire().await.expect("free");
    let _: () = run(&mut stranger, &["CONFIG", "SET", "requirepass", "second"]).await;
    // A connection that is let in stays in.
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
    let kill = ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];
    let _: usize = run(&mut stranger, &kill).await;
    let error = client.lock("b").acquire().await.expect_err("locked out");
    let text = error.to_string();
    println!("{text}");
    assert!(text.contains("password"), "{text}");
    assert!(text.contains("`lock:b`"), "{text}");
    assert!(!text.contains("first"), "{text}");
    // The holder cannot give its lock back; nobody takes it before its ttl.
    guard.release().await.expect_err("locked out");
    let url = format!("redis://:second@127.0.0.1:{}", server.port());
    let rebuilt = LockClient::connect(&url).await.expect("the new password");
    let error = rebuilt.lock("a").acquire().await.expect_err("still held");
    assert!(matches!(error, LockError::Busy { .. }), "{error}");
    let guard = rebuilt.lock("b").acquire().await.expect("free");
    guard.release().await.expect("ours");
}
