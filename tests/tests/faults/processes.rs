//! Holders and waiters in processes that are stopped and killed.

use std::time::Duration;

use lock_runtime::LockError;
use tests::{Proxy, Server, Worker, clock};
use tokio::time::sleep;

use crate::{connect, drain, until};

const WAIT: Duration = Duration::from_secs(30);

/// The worker of this file: takes the lock `a`, tells so, and holds it as long as it is told to.
#[test]
fn worker() {
    let Some(orders) = Worker::orders() else {
        return;
    };
    let orders: Vec<&str> = orders.split(' ').collect();
    let [url, ttl, hold] = orders[..] else {
        panic!("{orders:?}")
    };
    let millis = |text: &str| Duration::from_millis(text.parse().expect("a number"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = connect(url, Duration::from_secs(2)).await;
        Worker::tell("asks");
        let request = client.lock("a").ttl(millis(ttl)).wait(WAIT);
        let guard = request.acquire().await.expect("in the end");
        let trusted_until = clock() + guard.remaining();
        Worker::tell(&format!(
            "{} {}",
            clock().as_nanos(),
            trusted_until.as_nanos()
        ));
        sleep(millis(hold)).await;
        drop(guard);
        drain(&client).await;
    });
}

async fn start(url: &str, ttl: u64, hold: u64) -> Worker {
    let mut worker = Worker::start("processes::worker", &format!("{url} {ttl} {hold}"));
    assert_eq!(worker.told().await, "asks");
    worker
}

/// Since when and until when the worker trusts its lock.
async fn told_term(worker: &mut Worker) -> (Duration, Duration) {
    let told = worker.told().await;
    let (since, until) = told.split_once(' ').expect("two moments");
    let nanos = |text: &str| Duration::from_nanos(text.parse().expect("a number"));
    (nanos(since), nanos(until))
}

#[tokio::test]
async fn a_killed_holder_is_followed_within_ttl_and_one_poll() {
    let server = Server::start(&[]);
    let client = connect(&server.url(), Duration::from_secs(2)).await;
    for ttl in [300, 700, 1_000] {
        let mut worker = start(&server.url(), ttl, 60_000).await;
        let (since, until) = told_term(&mut worker).await;
        worker.kill();
        let guard = client.lock("a").wait(WAIT).acquire().await.expect("freed");
        let now = clock();
        assert!(now >= until, "two hold it");
        // One poll is 100 ms, the rest is for a busy machine.
        let late = now.saturating_sub(since + Duration::from_millis(ttl + 100));
        assert!(late < Duration::from_millis(500), "{late:?} too late");
        guard.release().await.expect("ours");
    }
    drain(&client).await;
}

#[tokio::test]
async fn a_stopped_waiter_costs_the_others_no_time_and_goes_on_after() {
    let server = Server::start(&[]);
    let client = connect(&server.url(), Duration::from_secs(2)).await;
    let guard = client.lock("a").acquire().await.expect("free");
    let mut worker = start(&server.url(), 500, 0).await;
    // It polls at least every 100 ms.
    sleep(Duration::from_millis(150)).await;
    worker.stop();
    guard.release().await.expect("ours");
    let freed = clock();
    let mut rounds = 0;
    // Twice as long as it would take to ask again.
    while rounds < 20 || clock() < freed + Duration::from_millis(200) {
        let request = client.lock("a").wait(WAIT).acquire();
        request.await.expect("freed").release().await.expect("ours");
        rounds += 1;
    }
    // A SET of the waiter may have been under way: that costs one ttl of its own, once. A claim in each
    // round would be four seconds.
    let took = clock().saturating_sub(freed);
    assert!(took < Duration::from_millis(500 + 2_000), "{took:?}");
    let continued = clock();
    worker.go_on();
    let (since, _) = told_term(&mut worker).await;
    assert!(since > continued, "it did not stand still");
    drain(&client).await;
}

#[tokio::test]
async fn a_killed_waiter_leaves_nothing_behind() {
    let server = Server::start(&[]);
    let client = connect(&server.url(), Duration::from_secs(2)).await;
    let guard = client.lock("a").acquire().await.expect("free");
    let worker = start(&server.url(), 500, 0).await;
    sleep(Duration::from_millis(150)).await;
    worker.kill();
    guard.release().await.expect("ours");
    let freed = clock();
    let guard = client.lock("a").wait(WAIT).acquire().await.expect("freed");
    assert!(clock().saturating_sub(freed) < Duration::from_millis(500 + 1_000));
    guard.release().await.expect("ours");
    drain(&client).await;
}

#[tokio::test]
async fn a_lock_granted_to_a_waiter_that_stands_still_is_not_run_on_late() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port()).await;
    let client = connect(&server.url(), Duration::from_secs(2)).await;
    let slow = Duration::from_millis(200);
    proxy.delay(Duration::ZERO..Duration::ZERO, slow..slow, 0);
    // Its SET is granted while the answer is still on its way, and then it stands still.
    let mut worker = start(&proxy.url(), 500, 100).await;
    let mut stranger = server.raw().await;
    until(Duration::from_secs(10), async || {
        crate::run::<usize>(&mut stranger, &["EXISTS", "lock:a"]).await == 1
    })
    .await;
    worker.stop();
    let hold = client.lock("a").ttl(WAIT).wait(WAIT).acquire().await;
    let hold = hold.expect("the waiter's ttl is over");
    worker.go_on();
    sleep(Duration::from_secs(1)).await;
    let error = client.lock("a").acquire().await.expect_err("held");
    assert!(matches!(error, LockError::Busy { .. }), "{error}");
    let before = clock();
    hold.release().await.expect("ours");
    let (since, _) = told_term(&mut worker).await;
    assert!(since >= before, "it ran while another held the lock");
    drain(&client).await;
}
