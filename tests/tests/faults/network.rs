//! Connections that go silent or are reset.

use std::time::Duration;

use lock_runtime::{LockError, Ownership, Release};
use tests::{Fault, Proxy, Server};
use tokio::time::{Instant, sleep};

use crate::{connect, drain, keys, until_empty, world};

const TTL: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_black_hole_is_left_within_the_command_deadline_by_a_new_connection() {
    let (server, proxy, client) = world(Duration::from_secs(4)).await;
    let guard = client.lock("a").acquire().await.expect("free");
    guard.release().await.expect("ours");
    for round in 1..=3 {
        proxy.silence();
        let asked = Instant::now();
        let guard = client.lock("a").acquire().await.expect("a new connection");
        assert!(
            asked.elapsed() < Duration::from_secs(4),
            "{:?}",
            asked.elapsed()
        );
        assert_eq!(proxy.connections(), round + 1);
        // From here on nothing is slow, as what is not answered would be.
        let asked = Instant::now();
        assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
        guard.release().await.expect("ours");
        assert!(
            asked.elapsed() < Duration::from_millis(900),
            "{:?}",
            asked.elapsed()
        );
    }
    assert_eq!(keys(&server).await, 0);
}

#[tokio::test]
async fn a_black_hole_under_a_renewed_lock_does_not_lose_it() {
    let (server, proxy, client) = world(Duration::from_secs(2)).await;
    let guard = client.lock("a").ttl(TTL).renew().acquire().await;
    let guard = guard.expect("free");
    proxy.silence();
    tokio::select! {
        () = guard.lost() => panic!("lost after {:?}", guard.remaining()),
        () = sleep(TTL * 3 / 2) => {}
    }
    assert!(proxy.connections() > 1);
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    drain(&client).await;
    assert_eq!(keys(&server).await, 0);
}

#[tokio::test]
async fn a_black_hole_under_a_release_delays_it_and_leaves_no_key() {
    let command_deadline = Duration::from_secs(2);
    let (server, proxy, client) = world(command_deadline).await;
    let ttl = Duration::from_mins(10);
    let guard = client.lock("a").ttl(ttl).acquire().await.expect("free");
    proxy.silence();
    drop(guard);
    let took = until_empty(&server, Duration::from_secs(10)).await;
    println!("the key was gone after {took:?}");
    assert!(proxy.connections() > 1);
    let next = client.lock("a").ttl(ttl).acquire().await.expect("free");
    proxy.silence();
    let asked = Instant::now();
    // Its caller is told within one command deadline, whichever answer that is.
    let _ = next.release().await;
    assert!(
        asked.elapsed() < 2 * command_deadline,
        "{:?}",
        asked.elapsed()
    );
    drain(&client).await;
    assert_eq!(keys(&server).await, 0);
    assert!(proxy.connections() > 2);
}

#[tokio::test]
async fn a_network_that_is_gone_loses_the_lock_in_time_and_is_told_at_an_acquire() {
    let (server, proxy, client) = world(Duration::from_secs(2)).await;
    let ttl = Duration::from_secs(2);
    let guard = client.lock("a").ttl(ttl).renew().acquire().await;
    let guard = guard.expect("free");
    proxy.black_hole();
    let gone = Instant::now();
    guard.lost().await;
    let told = gone.elapsed();
    assert!(told < ttl + Duration::from_secs(1), "{told:?}");
    let asked = Instant::now();
    let error = client.lock("b").acquire().await.expect_err("no answer");
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "{:?}",
        asked.elapsed()
    );
    assert!(error.to_string().contains("`lock:b`"), "{error}");
    proxy.heal();
    let guard = client
        .lock("b")
        .wait(Duration::from_secs(5))
        .acquire()
        .await;
    guard.expect("healed").release().await.expect("ours");
    until_empty(&server, Duration::from_secs(12)).await;
}

#[tokio::test]
async fn a_reset_at_any_command_costs_another_connection_only() {
    let (server, proxy, client) = world(Duration::from_secs(8)).await;
    // What was reset may still be on its way for that long.
    let ttl = Duration::from_secs(3);
    let release = Server::compare_and_delete().unwrap_or("EVALSHA");
    for command in ["SET", release] {
        for fault in [Fault::Reset, Fault::ResetReply, Fault::Truncate(0)] {
            let request = || client.lock("a").ttl(ttl).acquire();
            let warm = request().await.expect("free");
            warm.release().await.expect("ours");
            // Its first release was a script: only now a connection knows its server.
            let warm = request().await.expect("free");
            warm.release().await.expect("ours");
            let before = (proxy.met(), proxy.connections());
            proxy.plan(command, fault.clone());
            let asked = Instant::now();
            let guard = request()
                .await
                .unwrap_or_else(|error| panic!("{command}: {error}"));
            // A release whose answer got lost may find its own work; ours it was.
            match guard.release().await {
                Ok(_) => {}
                Err(error) => panic!("{command}, {fault:?}: {error}"),
            }
            // Less than what is not answered would take.
            assert!(
                asked.elapsed() < Duration::from_millis(1_800),
                "{command}, {fault:?}"
            );
            assert_eq!(proxy.met(), before.0 + 1, "{command}, {fault:?}");
            assert!(proxy.connections() > before.1, "{command}, {fault:?}");
        }
    }
    drain(&client).await;
    assert_eq!(keys(&server).await, 0);
}

#[tokio::test]
async fn one_slow_connection_holds_up_no_other_client() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port()).await;
    let slow = connect(&proxy.url(), Duration::from_secs(4)).await;
    let quick = connect(&server.url(), Duration::from_secs(4)).await;
    let delay = Duration::from_millis(300);
    proxy.delay(delay..delay, Duration::ZERO..Duration::ZERO, 1);
    let asked = Instant::now();
    let held = tokio::spawn(slow.lock("slow").acquire());
    for _ in 0..20 {
        let guard = quick.lock("quick").acquire().await.expect("free");
        guard.release().await.expect("ours");
    }
    // Held up by the other they would take forty times as long as it.
    assert!(asked.elapsed() < 15 * delay, "{:?}", asked.elapsed());
    let held = held.await.expect("no panic").expect("free");
    assert!(asked.elapsed() >= delay, "it was not slow");
    held.release().await.expect("ours");
    for client in [slow, quick] {
        drain(&client).await;
    }
}

#[tokio::test]
async fn nobody_at_the_other_end_is_told_within_the_command_deadline() {
    let (server, _proxy, client) = world(Duration::from_secs(2)).await;
    server.kill();
    let asked = Instant::now();
    let error = client.lock("a").acquire().await.expect_err("nobody");
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "{:?}",
        asked.elapsed()
    );
    assert!(
        matches!(
            error,
            LockError::Backend { .. } | LockError::Indeterminate { .. }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("`lock:a`"), "{error}");
}
