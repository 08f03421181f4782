//! Acquires that are cancelled at any moment, while their commands are at any place of the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lock_runtime::LockClient;
use tests::{Chance, Proxy, Server};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::{connect, keys, long};

const TASKS: u64 = 64;
const TTL: Duration = Duration::from_mins(10);

/// Anywhere from before the SET has left until after its answer has come back.
fn moment(chance: &mut Chance) -> Duration {
    Duration::from_micros(chance.within(0..15_000))
}

/// Cancels until `left` is used up; says how many calls that took.
async fn cancel(client: LockClient, task: u64, left: Arc<AtomicUsize>) -> usize {
    let mut chance = Chance::new(task);
    let mut calls = 0;
    while left.load(Ordering::Relaxed) > 0 {
        let request = client.lock(format!("{task}:{}", calls % 20)).ttl(TTL);
        calls += 1;
        if let Ok(guard) = timeout(moment(&mut chance), request.acquire()).await {
            drop(guard.expect("never busy against itself"));
        } else {
            let less = |left: usize| left.checked_sub(1);
            // Others may have used up the last one.
            let _ = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }
    calls
}

/// The same without a release: what the test below would see if nobody gave back.
async fn naive_orphans(url: &str, server: &Server) -> usize {
    let connection = tests::connection(url).await;
    let mut chance = Chance::new(0);
    for n in 0..200 {
        let mut connection = connection.clone();
        let set = redis::cmd("SET")
            .arg(format!("naive:{n}"))
            .arg(&["token", "NX", "PX", "600000"])
            .to_owned();
        let set = set.query_async::<()>(&mut connection);
        if timeout(moment(&mut chance), set).await.is_ok() {
            let del = redis::cmd("DEL").arg(format!("naive:{n}")).to_owned();
            del.query_async::<()>(&mut connection)
                .await
                .expect("answers");
        }
    }
    // The last ones arrive.
    sleep(Duration::from_millis(100)).await;
    let orphans = keys(server).await;
    crate::run::<()>(&mut server.raw().await, &["FLUSHALL"]).await;
    orphans
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_acquires_on_a_slow_network_leave_no_orphan() {
    let cancelled = if long() { 50_000 } else { 3_000 };
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port()).await;
    let delay = Duration::ZERO..Duration::from_millis(4);
    proxy.delay(delay.clone(), delay, 1);
    let naive = naive_orphans(&proxy.url(), &server).await;
    assert!(naive > 20, "{naive} orphans of 200 prove little");

    let began = Instant::now();
    let client = connect(&proxy.url(), Duration::from_secs(8)).await;
    let left = Arc::new(AtomicUsize::new(cancelled));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(cancel(client.clone(), task, left.clone()));
    }
    let mut calls = 0;
    while let Some(done) = tasks.join_next().await {
        calls += done.expect("no panic");
    }
    let rest = client.shutdown(Duration::from_mins(1)).await;
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!(keys(&server).await, 0, "orphans");
    println!(
        "cancelled={cancelled} of {calls} acquires through random delay, orphans=0 in {:?}; \
         of 200 naive ones {naive} left an orphan",
        began.elapsed()
    );
}
