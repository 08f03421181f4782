//! One client in several runtimes and on several threads.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lock_runtime::{
    AcquireForm, LockClient, LockError, LockSession, LockStore, LockToken, MemoryStore, Passed,
    Release, StoreFuture, Stored, distributed_lock,
};
use tests::Server;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

async fn use_it(client: &LockClient, key: &str) {
    for _ in 0..3 {
        client
            .lock(key)
            .acquire()
            .await
            .expect("free")
            .release()
            .await
            .expect("ours");
    }
}

#[test]
fn a_client_works_on_when_its_runtime_is_gone() {
    let first = runtime();
    let client = first
        .block_on(LockClient::connect(&Server::shared().url()))
        .expect("connects");
    first.block_on(use_it(&client, "gone"));
    drop(first);
    runtime().block_on(use_it(&client, "gone"));
    runtime().block_on(use_it(&client, "gone"));
}

#[test]
fn a_client_works_beside_a_runtime_that_stands_still() {
    let first = runtime();
    let client = first
        .block_on(LockClient::connect(&Server::shared().url()))
        .expect("connects");
    first.block_on(use_it(&client, "still"));
    runtime().block_on(use_it(&client, "still"));
    first.block_on(use_it(&client, "still"));
}

#[test]
fn a_guard_that_outlives_its_runtime_is_released_in_the_next() {
    let first = runtime();
    let client = first
        .block_on(LockClient::connect(&Server::shared().url()))
        .expect("connects");
    let guard = first.block_on(
        client
            .lock("outlived")
            .ttl(Duration::from_mins(10))
            .acquire(),
    );
    drop(first);
    drop(guard.expect("free"));
    runtime().block_on(use_it(&client, "outlived"));
}

#[test]
fn a_guard_is_released_in_another_runtime_than_its_own() {
    for (key, gone) in [("moved away", true), ("moved", false)] {
        let mut first = Some(runtime());
        let url = Server::shared().url();
        let connect = LockClient::connect(&url);
        let client = first.as_ref().map(|first| first.block_on(connect));
        let client = client.expect("a runtime").expect("connects");
        let guard = first
            .as_ref()
            .map(|first| first.block_on(client.lock(key).acquire()));
        if gone {
            first = None;
        }
        let guard = guard.expect("a runtime").expect("free");
        let released = runtime().block_on(guard.release());
        assert_eq!(released.expect("ours"), Release::Deleted);
        drop(first);
    }
}

#[test]
fn a_guard_dropped_in_another_runtime_is_not_busy_against_itself() {
    let (first, second) = (runtime(), runtime());
    let client = first
        .block_on(LockClient::connect(&Server::shared().url()))
        .expect("connects");
    let guard = first.block_on(client.lock("dropped").acquire());
    second.block_on(async {
        // Its connection is driven by nobody.
        drop(guard.expect("free"));
        let again = client.lock("dropped").acquire().await;
        drop(again.expect("never busy against itself"));
    });
}

#[test]
fn a_runtime_that_stands_still_while_it_connects_holds_up_no_other() {
    let (first, second, third) = (runtime(), runtime(), runtime());
    let client = first
        .block_on(LockClient::connect(&Server::shared().url()))
        .expect("connects");
    second.block_on(async {
        tokio::spawn(client.lock("begun").acquire());
        // It begins to connect, and is not polled any more.
        tokio::task::yield_now().await;
    });
    third.block_on(use_it(&client, "third"));
}

#[test]
fn a_client_in_memory_is_made_outside_a_runtime() {
    let client = LockClient::in_memory();
    runtime().block_on(use_it(&client, "memory"));
    runtime().block_on(use_it(&client, "memory"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_lock_is_taken_once_shutdown_has_seen_none() {
    for _ in 0..5_000 {
        let client = LockClient::in_memory();
        let go = Arc::new(AtomicBool::new(false));
        let (request, gone) = (client.lock("a"), go.clone());
        let acquire = tokio::spawn(async move {
            while !gone.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            request.acquire().await
        });
        go.store(true, Ordering::Relaxed);
        let rest = client.shutdown(Duration::ZERO).await;
        let taken = acquire.await.expect("no panic");
        assert!(!rest.is_empty() || taken.is_err(), "{rest:?} {taken:?}");
    }
}

/// A backend with bugs.
#[derive(Clone, Default)]
struct Buggy {
    memory: MemoryStore,
    silent: Arc<AtomicBool>,
}

impl LockStore for Buggy {
    fn session(&self) -> StoreFuture<'_, Arc<dyn LockSession>> {
        let session = self.clone();
        Box::pin(async { Ok(Arc::new(session) as Arc<dyn LockSession>) })
    }

    fn address(&self) -> String {
        "a backend with a bug".to_owned()
    }
}

impl LockSession for Buggy {
    fn acquire<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
        form: AcquireForm,
    ) -> StoreFuture<'a, Option<Stored>> {
        self.memory.acquire(key, token, ttl, form)
    }

    fn release<'a>(
        &'a self,
        key: &'a str,
        line: Option<&'a str>,
        token: &'a LockToken,
    ) -> StoreFuture<'a, Passed> {
        assert!(!key.ends_with("bad"), "the bug");
        if self.silent.load(Ordering::Relaxed) {
            return Box::pin(pending());
        }
        self.memory.release(key, line, token)
    }

    fn extend<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, bool> {
        self.memory.extend(key, token, ttl)
    }

    fn inspect<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<(Stored, Option<Duration>)>> {
        self.memory.inspect(key)
    }

    fn is_open(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_panic_over_one_release_takes_no_other_with_it() {
    let store = Buggy::default();
    let client = LockClient::builder().store(store.clone());
    let client = client.expect("default settings");
    let bad = client.lock("bad").acquire().await.expect("free");
    let good = client.lock("good").acquire().await.expect("free");
    drop(bad);
    drop(good);
    let rest = client.shutdown(Duration::from_secs(5)).await;
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!(store.memory.keys(), ["lock:bad"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_a_release_that_somebody_waits_for_is_an_error_for_its_caller() {
    let store = Buggy::default();
    let client = LockClient::builder().store(store.clone());
    let client = client.expect("default settings");
    let bad = client.lock("bad").acquire().await.expect("free");
    let request = client.lock("bad").wait(Duration::from_mins(1));
    let waiting = tokio::spawn(async move { request.acquire().await });
    // Until nothing else is to be done: it is in line.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let released = bad.release().await;
    let error = released.expect_err("nobody knows");
    assert!(matches!(error, LockError::Indeterminate { .. }), "{error}");
    assert!(error.to_string().contains("panicked"), "{error}");
    let next = waiting.await.expect("no panic");
    assert!(next.is_ok(), "taken once the ttl has ended it: {next:?}");
}

/// Polls it once: from then on it is kept.
async fn begun<F: Future + Unpin>(mut future: F) -> F {
    let once = poll_fn(|context| Poll::Ready(Pin::new(&mut future).poll(context).is_pending()));
    assert!(once.await, "it is under way");
    future
}

#[test]
fn a_release_whose_runtime_is_gone_is_sent_in_the_next() {
    for (key, kept) in [("driven, kept", true), ("driven by a task", false)] {
        let first = runtime();
        let client = first
            .block_on(LockClient::connect(&Server::shared().url()))
            .expect("connects");
        let release = first.block_on(async {
            let request = client.lock(key).ttl(Duration::from_mins(10));
            let guard = request.acquire().await.expect("free");
            let request = client.lock(key).ttl(Duration::from_secs(1));
            tokio::spawn(request.wait(Duration::from_mins(1)).acquire());
            tokio::task::yield_now().await;
            let release = Box::pin(guard.release());
            if kept {
                return Some(begun(release).await);
            }
            tokio::spawn(release);
            tokio::task::yield_now().await;
            None
        });
        drop(first);
        drop(release);
        runtime().block_on(async {
            use_it(&client, key).await;
            // What was to be handed over is settled when its ttl is over.
            let remains = client.shutdown(Duration::from_secs(5)).await;
            assert!(remains.is_empty(), "{key}: {remains:?}");
        });
    }
}

#[test]
fn a_release_that_is_dropped_outside_its_runtime_does_not_wait_for_that_to_run_again() {
    let store = Buggy::default();
    let client = LockClient::builder().store(store.clone());
    let client = client.expect("default settings");
    let request = || client.lock("a").ttl(Duration::from_mins(10));
    let (first, second) = (runtime(), runtime());
    store.silent.store(true, Ordering::Relaxed);
    let (release, waiting) = first.block_on(async {
        let guard = request().acquire().await.expect("free");
        // With somebody in line its caller drives it.
        let waiting = Box::pin(request().wait(Duration::from_mins(1)).acquire());
        let waiting = begun(waiting).await;
        (begun(Box::pin(guard.release())).await, waiting)
    });
    drop(release);
    drop(waiting);
    store.silent.store(false, Ordering::Relaxed);
    let next = request().wait(Duration::from_secs(5)).acquire();
    let next = second.block_on(next);
    assert!(next.is_ok(), "given back by the worker there: {next:?}");
}

#[distributed_lock(key = "a", ttl = "10m", release = "background")]
async fn in_background(on: Arc<Notify>) -> Result<(), LockError> {
    on.notified().await;
    Ok(())
}

#[test]
fn a_call_that_is_polled_to_its_end_outside_a_runtime_leaves_nothing() {
    let (runtime, client) = (runtime(), LockClient::in_memory());
    let on = Arc::new(Notify::new());
    let call = Box::pin(client.scope(in_background(on.clone())));
    let mut call = runtime.block_on(begun(call));
    on.notify_one();
    let mut context = Context::from_waker(Waker::noop());
    let ended = call.as_mut().poll(&mut context);
    assert!(matches!(ended, Poll::Ready(Ok(()))), "{ended:?}");
    runtime.block_on(use_it(&client, "a"));
}
