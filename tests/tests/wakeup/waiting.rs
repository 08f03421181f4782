//! Those who wait: tasks, and processes that can be stopped and killed.

use std::time::Duration;

use lock_runtime::{LockClient, LockError, LockGuard};
use tests::{Worker, clock};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::world::{Entry, LONG, NAME, World, connect, drain};

pub(crate) type Waiting = JoinHandle<Result<LockGuard, LockError>>;

pub(crate) fn wait(client: &LockClient) -> Waiting {
    tokio::spawn(client.lock(NAME).wait(LONG).acquire())
}

pub(crate) async fn got(waiting: Waiting) -> LockGuard {
    let got = timeout(LONG, waiting).await.expect("in time");
    got.expect("no panic").expect("its turn")
}

/// Starts to wait, and comes back when that stands in line behind `before` others.
pub(crate) async fn stand(world: &World, client: &LockClient, before: usize) -> (Waiting, Entry) {
    let waiting = wait(client);
    let entries = world.until_in_line(before + 1).await;
    (waiting, entries[before].clone())
}

/// A worker process that waits, and stands in line behind `before` others.
pub(crate) async fn stand_in_process(world: &World, user: &str, before: usize) -> (Worker, Entry) {
    let url = world.member(user).await;
    let worker = Worker::start("waiting::worker", &url);
    let entries = world.until_in_line(before + 1).await;
    (worker, entries[before].clone())
}

/// The worker of this file: waits, and tells when it held the lock from and until, by the clock that all
/// processes share, and how that ended.
#[test]
fn worker() {
    let Some(url) = Worker::orders() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = connect(&url).await;
        let guard = client.lock(NAME).wait(LONG).acquire().await;
        let guard = guard.expect("its turn");
        let from = clock();
        tokio::time::sleep(Duration::from_millis(20)).await;
        let until = clock();
        let ended = guard.release().await.is_ok();
        drain(&client).await;
        Worker::tell(&format!("{} {} {ended}", from.as_nanos(), until.as_nanos()));
    });
}
