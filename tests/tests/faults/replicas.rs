//! Failover: replicas that are promoted, primaries that are demoted.

use std::time::Duration;

use lock_runtime::{LockClient, LockError, Ownership, Release};
use tests::{Proxy, Server};
use tokio::time::{Instant, sleep};

use crate::{connect, drain, keys, run, until};

const TTL: Duration = Duration::from_mins(1);

struct Pair {
    primary: Server,
    replica: Server,
    /// The address that clients know.
    address: Proxy,
    client: LockClient,
}

/// A primary with a replica that has caught up.
async fn pair(command_deadline: Duration) -> Pair {
    let fast = ["--repl-diskless-sync-delay", "0"];
    let primary = Server::start_in(Some(Server::folder()), &fast);
    let replica = Server::start_in(Some(Server::folder()), &fast);
    let address = Proxy::start(primary.port()).await;
    let client = connect(&address.url(), command_deadline).await;
    let pair = Pair {
        primary,
        replica,
        address,
        client,
    };
    follow(&pair.replica, &pair.primary).await;
    pair
}

async fn follow(replica: &Server, primary: &Server) {
    let mut stranger = replica.raw().await;
    let port = primary.port().to_string();
    let _: () = run(&mut stranger, &["REPLICAOF", "127.0.0.1", &port]).await;
    until(Duration::from_secs(20), async || {
        let told: String = run(&mut stranger, &["INFO", "replication"]).await;
        told.contains("master_link_status:up")
    })
    .await;
}

async fn promote(replica: &Server) {
    let _: () = run(&mut replica.raw().await, &["REPLICAOF", "NO", "ONE"]).await;
}

/// To the replica, once it knows the one lock that is held.
async fn fail_over(pair: &Pair) {
    until(Duration::from_secs(5), async || {
        keys(&pair.replica).await == 1
    })
    .await;
    promote(&pair.replica).await;
    pair.address.lead_to(pair.replica.port());
    follow(&pair.primary, &pair.replica).await;
}

#[tokio::test]
async fn a_primary_that_became_a_replica_is_left_for_the_new_one() {
    let pair = pair(Duration::from_secs(4)).await;
    let client = &pair.client;
    let guard = client.lock("held").ttl(TTL).acquire().await.expect("free");
    fail_over(&pair).await;
    // The old connection is sound and answers READONLY.
    let asked = Instant::now();
    let next = client
        .lock("next")
        .acquire()
        .await
        .expect("a rebuilt connection");
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
    next.release().await.expect("ours");
    // The replica knew the lock: it is still held, and given back where it now is.
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    assert_eq!(keys(&pair.replica).await, 0);
    drain(client).await;
}

#[tokio::test]
async fn a_release_that_meets_a_replica_is_sent_to_the_new_primary() {
    let pair = pair(Duration::from_secs(4)).await;
    let client = &pair.client;
    let guard = client.lock("held").ttl(TTL).acquire().await.expect("free");
    fail_over(&pair).await;
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    assert_eq!(keys(&pair.replica).await, 0);
    drain(client).await;
}

#[tokio::test]
async fn a_replica_that_is_promoted_within_the_command_deadline_is_waited_for() {
    let pair = pair(Duration::from_secs(4)).await;
    let client = &pair.client;
    pair.address.lead_to(pair.replica.port());
    pair.address.reset();
    // A SET that met the reset may be on its way for that long.
    let short = client.lock("a").ttl(Duration::from_secs(1));
    let acquire = async { (short.acquire().await, Instant::now()) };
    let ((acquired, at), promoted) = tokio::join!(acquire, async {
        sleep(Duration::from_millis(500)).await;
        let promoted = Instant::now();
        promote(&pair.replica).await;
        promoted
    });
    assert!(at > promoted, "of a replica");
    acquired
        .expect("a primary now")
        .release()
        .await
        .expect("ours");
    drain(client).await;
}

#[tokio::test]
async fn an_address_that_leads_to_a_replica_is_told_with_the_remedy() {
    let command_deadline = Duration::from_secs(2);
    let pair = pair(command_deadline).await;
    pair.address.lead_to(pair.replica.port());
    let client = &connect(&pair.address.url(), command_deadline).await;
    let asked = Instant::now();
    let error = client.lock("a").acquire().await.expect_err("a replica");
    assert!(
        asked.elapsed() < 2 * command_deadline,
        "{:?}",
        asked.elapsed()
    );
    let text = error.to_string();
    // The deadline may come between the last SET and its answer.
    assert!(
        matches!(
            error,
            LockError::Backend { .. } | LockError::Indeterminate { .. }
        ),
        "{text}"
    );
    assert!(
        text.contains("READONLY") && text.contains("`lock:a`"),
        "{text}"
    );
    assert!(text.contains("primary's address"), "{text}");
    // Each try is a connection: they must not be a flood.
    let tries = pair.address.connections();
    assert!(tries < 60, "{tries} connections in {command_deadline:?}");
    drain(client).await;
}

#[tokio::test]
async fn after_a_failover_without_the_key_two_hold_it_as_documented_and_the_first_learns_it() {
    let pair = pair(Duration::from_secs(2)).await;
    let client = &pair.client;
    // Cut off first: the replica never gets the key.
    promote(&pair.replica).await;
    let first = client.lock("a").ttl(TTL).acquire().await.expect("free");
    pair.address.lead_to(pair.replica.port());
    pair.address.reset();
    let other = connect(&pair.address.url(), Duration::from_secs(2)).await;
    let second = other.lock("a").ttl(TTL).acquire().await;
    let second = second.expect("the new primary knows of no holder");
    assert!(!first.remaining().is_zero() && !second.remaining().is_zero());
    // The first question may meet the connection that was reset.
    let found = match first.check().await {
        Ok(found) => found,
        Err(_) => first.check().await.expect("an answer"),
    };
    assert!(matches!(found, Ownership::Other(_)), "{found:?}");
    assert!(first.remaining().is_zero());
    let lost = first.release().await;
    assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
    // Whoever came late gives back nothing that is another's.
    assert_eq!(second.release().await.expect("ours"), Release::Deleted);
    for client in [client, &other] {
        drain(client).await;
    }
}
