//! Answers that are lost, late, or come from a server that stood still.

use std::time::Duration;

use lock_runtime::{LockError, Ownership, Release};
use tests::{Fault, Server};
use tokio::time::{Instant, sleep};

use crate::{connect, drain, keys, run, until, until_empty, world};

const LONG_TTL: Duration = Duration::from_mins(10);

#[tokio::test]
async fn a_lost_reply_is_held_after_a_check_on_another_connection() {
    for fault in [Fault::SwallowReply, Fault::ResetReply] {
        let (server, proxy, client) = world(Duration::from_secs(4)).await;
        proxy.plan("SET", fault);
        let asked = Instant::now();
        let guard = client.lock("a").ttl(LONG_TTL).acquire().await;
        let guard = guard.expect("not busy against itself");
        assert_eq!((proxy.met(), proxy.connections()), (1, 2));
        assert!(guard.remaining() + asked.elapsed() < LONG_TTL);
        assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
        assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
        drain(&client).await;
        assert_eq!(keys(&server).await, 0);
    }
}

#[tokio::test]
async fn a_set_that_is_sent_again_finds_its_own_token_and_is_held() {
    let (server, proxy, client) = world(Duration::from_secs(4)).await;
    // The SET runs; nothing of its connection comes back, the check neither.
    proxy.plan("SET", Fault::SwallowReply);
    let (asked, ttl) = (Instant::now(), Duration::from_secs(30));
    let guard = client.lock("a").ttl(ttl).acquire().await;
    let guard = guard.expect("not busy against itself");
    assert_eq!(proxy.count("SET"), 2);
    assert_eq!(proxy.connections(), 2);
    // Trusted from the first sending on, not from the one that was answered.
    let took = asked.elapsed();
    assert!(took >= Duration::from_millis(1_900), "{took:?}");
    assert!(guard.remaining() + took < ttl, "{:?}", guard.remaining());
    guard.release().await.expect("ours");
    drain(&client).await;
    assert_eq!(keys(&server).await, 0);
}

#[tokio::test]
async fn a_set_that_lands_after_the_check_said_free_is_given_back() {
    let (server, proxy, client) = world(Duration::from_secs(2)).await;
    let mut stranger = server.raw().await;
    proxy.plan("SET", Fault::DelayCommand(Duration::from_secs(4)));
    // On the second connection every answer is that there is no such key, none that it was taken.
    proxy.always("SET", Fault::Reset);
    let error = client.lock("a").ttl(LONG_TTL).acquire().await;
    let error = error.expect_err("nobody knows");
    assert!(
        matches!(&error, LockError::Indeterminate { key, .. } if key == "lock:a"),
        "{error}"
    );
    assert_eq!(keys(&server).await, 0, "it has not landed yet");
    // It lands, and the CAD behind it on the same connection takes it away.
    until(Duration::from_secs(10), async || {
        let told: String = run(&mut stranger, &["INFO", "commandstats"]).await;
        told.contains("cmdstat_set:calls=1")
    })
    .await;
    until_empty(&server, Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_set_that_lands_late_changes_nothing_for_its_own_later_one() {
    let (server, proxy, client) = world(Duration::from_secs(4)).await;
    proxy.plan("SET", Fault::DelayCommand(Duration::from_millis(3_200)));
    let guard = client.lock("a").ttl(LONG_TTL).acquire().await;
    let guard = guard.expect("the second SET");
    assert_eq!(proxy.connections(), 2);
    sleep(Duration::from_millis(1_600)).await;
    // The first one has landed on its own token.
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
    guard.release().await.expect("ours");
    drain(&client).await;
    assert_eq!(keys(&server).await, 0);
}

#[tokio::test]
async fn a_key_that_is_gone_before_its_ttl_is_asked_for_is_free() {
    let (_server, proxy, client) = world(Duration::from_secs(2)).await;
    let guard = client.lock("a").ttl(LONG_TTL).acquire().await;
    let guard = guard.expect("free");
    proxy.plan("PTTL", Fault::Replace(b":-2\r\n".to_vec()));
    let found = client.check("a", guard.token()).await;
    assert_eq!(found.expect("an answer"), Ownership::Free);
    let found = client.check("a", guard.token()).await;
    assert_eq!(found.expect("an answer"), Ownership::Mine);
    guard.release().await.expect("ours");
    drain(&client).await;
}

#[tokio::test]
async fn a_server_that_stood_still_leaves_the_lock_to_nobody_who_gave_up() {
    let server = Server::start(&[]);
    for round in 0..10 {
        let client = connect(&server.url(), Duration::from_secs(1)).await;
        server.stop();
        let error = client.lock("a").ttl(LONG_TTL).acquire().await;
        let error = error.expect_err("no answer");
        assert!(matches!(error, LockError::Indeterminate { .. }), "{error}");
        server.go_on();
        // Its SETs land now, each with a CAD behind it.
        let other = connect(&server.url(), Duration::from_secs(2)).await;
        let guard = other.lock("a").wait(Duration::from_secs(5)).acquire().await;
        let guard = guard.unwrap_or_else(|error| panic!("round {round}: {error}"));
        drain(&client).await;
        // Whatever of it came late, it compared the owner.
        assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
        guard.release().await.expect("ours");
        drain(&other).await;
        assert_eq!(keys(&server).await, 0, "round {round}");
    }
}

#[tokio::test]
async fn a_server_that_goes_on_within_the_command_deadline_costs_time_only() {
    let server = Server::start(&[]);
    let client = connect(&server.url(), Duration::from_secs(3)).await;
    for _ in 0..3 {
        server.stop();
        let acquire = tokio::spawn(client.lock("a").ttl(LONG_TTL).acquire());
        sleep(Duration::from_millis(600)).await;
        assert!(!acquire.is_finished(), "nobody can have answered");
        server.go_on();
        let guard = acquire.await.expect("no panic").expect("held in the end");
        guard.release().await.expect("ours");
    }
    drain(&client).await;
    assert_eq!(keys(&server).await, 0);
}

#[tokio::test]
async fn scripts_flushed_in_mid_run_cost_nobody_an_error() {
    let (server, proxy, client) = world(Duration::from_secs(2)).await;
    let mut stranger = server.raw().await;
    for _ in 0..50 {
        let guard = client.lock("a").acquire().await.expect("free");
        guard.extend().await.expect("ours");
        let _: () = run(&mut stranger, &["SCRIPT", "FLUSH"]).await;
        assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    }
    let own = Server::compare_and_delete();
    assert!(proxy.count(own.unwrap_or("EVAL")) >= 50);
    assert_eq!(proxy.count("SCRIPT"), 0);
    drain(&client).await;
}
