//! A herd of waiters.

use std::time::Duration;

use lock_runtime::LockError;
use tests::{Fault, Proxy, Server, Worker};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::{connect, drain, keys, run, world};

const TASKS: usize = 64;
const PROCESSES: usize = 8;

/// What `TASKS` tasks of one client ask in their first second of waiting for a stranger's lock, and in
/// three.
async fn asked(prepare: impl FnOnce(&Proxy)) -> [usize; 2] {
    let (server, proxy, client) = world(Duration::from_secs(2)).await;
    prepare(&proxy);
    let _: () = run(&mut server.raw().await, &["SET", "lock:a", "stranger"]).await;
    let mut herd = JoinSet::new();
    for _ in 0..TASKS {
        herd.spawn(client.lock("a").wait(Duration::from_secs(4)).acquire());
    }
    let mut asked = [0; 2];
    for (asked, seconds) in asked.iter_mut().zip([1, 2]) {
        sleep(Duration::from_secs(seconds)).await;
        let names = ["SET", "GET", "PTTL", "EVALSHA", "EVAL"];
        *asked = names.into_iter().map(|name| proxy.count(name)).sum();
    }
    // Those who come after one who gave up ask as well, a moment before they do.
    while let Some(waited) = herd.join_next().await {
        let error = waited.expect("no panic").expect_err("a stranger's");
        assert!(matches!(error, LockError::WaitTimeout { .. }), "{error}");
    }
    drain(&client).await;
    asked
}

#[tokio::test]
async fn a_herd_in_one_client_asks_the_server_like_one_waiter() {
    // Told of changes: it asks twice, of which once in line, looks once, and leaves.
    let [told, _] = asked(|_| {}).await;
    assert!((3..20).contains(&told), "{told} questions");
}

#[tokio::test]
async fn a_herd_that_is_told_of_nothing_polls_like_one_waiter() {
    let refusal = Fault::Replace(b"-NOPROTO unsupported protocol version\r\n".to_vec());
    let [untold, later] = asked(|proxy| proxy.always("HELLO", refusal)).await;
    // Full jitter up to 100 ms: some 20 in a second, and some faster ones at the start; where each takes
    // its time, still more than polls for news that got lost.
    assert!(untold < 110, "{untold} polls");
    assert!(later > 12, "{later} polls");
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
