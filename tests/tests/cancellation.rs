//! Calls that are cut off, and processes that end.

use std::process::Command;
use std::time::Duration;

use lock_runtime::LockClient;
use redis::aio::MultiplexedConnection;
use tests::Server;

const DRAIN: Duration = Duration::from_secs(20);

async fn client(prefix: &str) -> LockClient {
    let builder = LockClient::builder().prefix(prefix);
    builder
        .connect(&Server::shared().url())
        .await
        .expect("the server answers")
}

async fn keys(connection: &mut MultiplexedConnection, prefix: &str) -> usize {
    let pattern = format!("{prefix}*");
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg(pattern)
        .query_async(connection)
        .await
        .expect("the server answers");
    keys.len()
}

/// Polls `future` at up to `polls` moments and drops it if it is not done by then.
async fn cut<T>(future: impl Future<Output = T>, polls: u64) -> Option<T> {
    let mut future = std::pin::pin!(future);
    for _ in 0..polls {
        tokio::select! {
            biased;
            output = &mut future => return Some(output),
            () = tokio::task::yield_now() => {}
        }
    }
    None
}

/// 1 to 16, spread evenly without a source of randomness of its own.
fn moments(n: u64) -> u64 {
    (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60) + 1
}

async fn five_thousand_cancelled(prefix: &str) {
    let client = client(prefix).await;
    let (mut calls, mut cancelled) = (0, 0);
    while cancelled < 5_000 {
        assert!(
            calls < 100_000,
            "only {cancelled} of {calls} were cancelled"
        );
        let ttl = Duration::from_mins(10);
        let request = client.lock(format!("{}", calls % 500)).ttl(ttl);
        let called = cut(request.acquire(), moments(calls)).await;
        cancelled += u64::from(called.is_none());
        calls += 1;
        drop(called.map(|guard| guard.expect("never busy against itself")));
    }
    let rest = client.shutdown(DRAIN).await;
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!(keys(&mut Server::shared().raw().await, prefix).await, 0);
    println!("{cancelled} of {calls} acquisitions were cancelled, no key is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_cancelled_acquisitions_leave_no_key() {
    five_thousand_cancelled("cancelled:").await;
}

#[tokio::test]
async fn five_thousand_cancelled_acquisitions_leave_no_key_on_one_thread() {
    five_thousand_cancelled("cancelled on one thread:").await;
}

#[tokio::test]
async fn ten_thousand_drops_and_retries_are_never_busy() {
    let client = client("dropped:").await;
    for _ in 0..10_000 {
        let guard = client.lock("a").acquire().await;
        drop(guard.expect("never busy against itself"));
    }
}

#[tokio::test]
async fn ten_thousand_cancelled_calls_and_retries_are_never_busy() {
    let client = client("retried:").await;
    let mut cancelled = 0;
    for n in 0..10_000 {
        let called = cut(client.lock("a").acquire(), moments(n)).await;
        cancelled += u64::from(called.is_none());
        drop(called.map(|guard| guard.expect("never busy against itself")));
        let again = client.lock("a").acquire().await;
        drop(again.expect("never busy against itself"));
    }
    println!("{cancelled} of 10,000 calls were cancelled, then the key tried at once");
    assert!(cancelled > 1_000, "too few to prove anything: {cancelled}");
}

/// The short process of the test below; does nothing unless told to.
#[test]
fn short_process() {
    let Ok(url) = std::env::var("SHORT_PROCESS_URL") else {
        return;
    };
    let key = std::process::id().to_string();
    let orderly = std::env::var("SHORT_PROCESS_SHUTDOWN").is_ok();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let builder = LockClient::builder().prefix(if orderly { "orderly:" } else { "abrupt:" });
        let client = builder.connect(&url).await.expect("the server answers");
        let request = client.lock(key).ttl(Duration::from_mins(10));
        drop(request.acquire().await.expect("free"));
        if orderly {
            assert!(client.shutdown(DRAIN).await.is_empty());
        }
    });
}

#[tokio::test]
async fn a_hundred_short_processes_leave_no_key_after_shutdown() {
    let server = Server::shared();
    let run = |orderly: bool| {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["--exact", "short_process"])
            .env("SHORT_PROCESS_URL", server.url());
        if orderly {
            command.env("SHORT_PROCESS_SHUTDOWN", "1");
        }
        let output = command.output().expect("starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    };
    for _ in 0..100 {
        run(true);
        run(false);
    }
    let mut stranger = server.raw().await;
    assert_eq!(keys(&mut stranger, "orderly:").await, 0);
    let left = keys(&mut stranger, "abrupt:").await;
    println!("without shutdown, {left} of 100 processes left their key to its ttl");
}
