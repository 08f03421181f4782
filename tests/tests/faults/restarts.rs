//! Servers that are killed and start again, with and without their data.

use std::time::Duration;

use lock_runtime::{LockError, Ownership, Release};
use tests::Server;
use tokio::time::{Instant, sleep};

use crate::{connect, drain, keys};

const COMMAND_DEADLINE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_lock_outlives_a_server_that_keeps_its_data() {
    let server = Server::durable(&[]);
    let client = connect(&server.url(), COMMAND_DEADLINE).await;
    let other = connect(&server.url(), COMMAND_DEADLINE).await;
    for _ in 0..3 {
        let request = client.lock("a").ttl(Duration::from_secs(2)).renew();
        let guard = request.acquire().await.expect("free");
        server.restart();
        let short = other.lock("a").ttl(Duration::from_secs(1));
        let error = short.acquire().await.expect_err("held");
        assert!(matches!(error, LockError::Busy { .. }), "{error}");
        // Renewed over the restart.
        tokio::select! {
            () = guard.lost() => panic!("lost"),
            () = sleep(Duration::from_millis(2_500)) => {}
        }
        assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
        assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    }
    for client in [client, other] {
        drain(&client).await;
    }
    assert_eq!(keys(&server).await, 0);
}

#[tokio::test]
async fn a_lock_forgotten_by_a_restarted_server_is_lost_at_check_release_and_renewal() {
    let server = Server::start(&[]);
    let client = connect(&server.url(), COMMAND_DEADLINE).await;
    let ttl = Duration::from_secs(3);
    let lock = |key: &str| client.lock(key).ttl(ttl).acquire();
    let checked = lock("checked").await.expect("free");
    let released = lock("released").await.expect("free");
    let extended = lock("extended").await.expect("free");
    let renewed = client.lock("renewed").ttl(ttl).renew().acquire().await;
    let renewed = renewed.expect("free");
    server.restart();
    let restarted = Instant::now();
    // The first question may meet the connection that broke.
    let found = match checked.check().await {
        Ok(found) => found,
        Err(_) => checked.check().await.expect("an answer"),
    };
    assert_eq!(found, Ownership::Free);
    for lost in [checked.release().await, released.release().await] {
        assert!(
            matches!(
                &lost,
                Err(LockError::Lost {
                    found: Some(Ownership::Free),
                    ..
                })
            ),
            "{lost:?}"
        );
    }
    let lost = extended.extend().await;
    assert!(matches!(&lost, Err(LockError::Lost { .. })), "{lost:?}");
    drop(extended);
    renewed.lost().await;
    let told = restarted.elapsed();
    assert!(told < ttl / 3 + Duration::from_millis(1_500), "{told:?}");
    let lost = renewed.release().await;
    assert!(matches!(&lost, Err(LockError::Lost { .. })), "{lost:?}");
    drain(&client).await;
}

/// A waiter asks on through an outage that is longer than the command deadline.
async fn rides_out(server: &Server, outage: Duration) {
    let client = connect(&server.url(), Duration::from_secs(1)).await;
    let request = client.lock("a").ttl(Duration::from_millis(400));
    drop(request.clone().acquire().await.expect("free"));
    server.kill();
    let waiter = tokio::spawn(request.wait(Duration::from_secs(30)).acquire());
    sleep(outage).await;
    server.restart();
    let restarted = Instant::now();
    let guard = waiter.await.expect("no panic").expect("a turn");
    let took = restarted.elapsed();
    assert!(took < Duration::from_millis(400 + 2_000), "{took:?}");
    guard.release().await.expect("ours");
}

#[tokio::test]
async fn a_waiter_rides_out_an_outage_longer_than_the_command_deadline() {
    rides_out(&Server::start(&[]), Duration::from_secs(2)).await;
    rides_out(&Server::durable(&[]), Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_call_that_does_not_wait_is_told_of_an_outage_within_the_command_deadline() {
    let server = Server::start(&[]);
    let client = connect(&server.url(), Duration::from_secs(1)).await;
    server.kill();
    let asked = Instant::now();
    let error = client.lock("a").acquire().await.expect_err("nobody there");
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    assert!(error.to_string().contains("`lock:a`"), "{error}");
    server.restart();
    let guard = client
        .lock("a")
        .wait(Duration::from_secs(10))
        .acquire()
        .await;
    guard.expect("free").release().await.expect("ours");
}
