//! A herd of waiters.

use std::time::Duration;

use lock_runtime::LockError;
use tests::{Server, Worker};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::{connect, drain, keys, run, world};

const TASKS: usize = 64;
const PROCESSES: usize = 8;

#[tokio::test]
async fn a_herd_in_one_client_asks_the_server_like_one_waiter() {
    let (server, proxy, client) = world(Duration::from_secs(2)).await;
    let _: () = run(&mut server.raw().await, &["SET", "lock:a", "stranger"]).await;
    let mut herd = JoinSet::new();
    for _ in 0..TASKS {
        herd.spawn(client.lock("a").wait(Duration::from_secs(1)).acquire());
    }
    while let Some(waited) = herd.join_next().await {
        let error = waited.expect("no panic").expect_err("a stranger's");
        assert!(matches!(error, LockError::WaitTimeout { .. }), "{error}");
    }
    // Full jitter up to 100 ms: some 20 in a second, and some faster ones at the start.
    let asked = proxy.count("SET");
    assert!((5..100).contains(&asked), "{asked} polls");
    drain(&client).await;
}

/// The worker of this file: `TASKS` tasks take the lock in turn.
#[test]
fn worker() {
    let Some(url) = Worker::orders() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = connect(&url, Duration::from_secs(2)).await;
        let mut herd = JoinSet::new();
        for _ in 0..TASKS {
            let request = client.lock("a").wait(Duration::from_secs(50));
            herd.spawn(async move { request.acquire().await?.release().await });
        }
        let mut served = 0;
        while let Some(waited) = herd.join_next().await {
            waited.expect("no panic").expect("its turn came");
            served += 1;
        }
        drain(&client).await;
        Worker::tell(&format!("{served}"));
    });
}

#[tokio::test]
async fn a_herd_of_eight_processes_is_served_to_the_last() {
    let server = Server::start(&[]);
    let asked = Instant::now();
    let mut herd = [(); PROCESSES].map(|()| Worker::start("waiters::worker", &server.url()));
    for worker in &mut herd {
        assert_eq!(worker.told().await, TASKS.to_string());
    }
    println!(
        "{PROCESSES} × {TASKS} waiters were served in {:?}",
        asked.elapsed()
    );
    assert_eq!(keys(&server).await, 0);
}
