//! Locks given back in the background: what a caller can see of it.

use std::process::Command;
use std::sync::Arc;

use lock_runtime::{
    LockClient, LockError, LockGuard, MemoryStore, Ownership, Release, ReleaseMode,
    distributed_lock,
};
use redis::aio::MultiplexedConnection;
use tests::{Events, Fault, Proxy, Server};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep, timeout};
use tracing::Level;

const DRAIN: Duration = Duration::from_secs(20);
/// Later than what is not waited for takes, sooner than what counts as not answered.
const LATE: Duration = Duration::from_millis(1_200);
const COMMAND_DEADLINE: Duration = Duration::from_secs(8);
/// The commands that give a lock back, on whatever server.
const RELEASES: [&str; 4] = ["EVALSHA", "EVAL", "DELEX", "DELIFEQ"];

#[distributed_lock(key = "<key>", ttl = "10m", release = "background")]
async fn background(key: &str) -> Result<u32, LockError> {
    Ok(7)
}

#[distributed_lock(key = "<key>", ttl = "10m", release = "answered")]
async fn answered(key: &str) -> Result<u32, LockError> {
    Ok(7)
}

#[distributed_lock(key = "<key>", ttl = "10m")]
async fn as_the_client_says(key: &str) -> Result<u32, LockError> {
    Ok(7)
}

/// Tells that it runs, and goes on when it is told.
#[distributed_lock(key = "<key>", ttl = "10m", release = "background")]
async fn stoppable(key: &str, runs: Arc<Notify>, on: Arc<Notify>) -> Result<u32, LockError> {
    runs.notify_one();
    on.notified().await;
    Ok(7)
}

async fn connected(url: &str, prefix: &str) -> LockClient {
    let builder = LockClient::builder().command_deadline(COMMAND_DEADLINE);
    let client = builder.prefix(prefix).connect(url).await;
    client.expect("the server answers")
}

async fn stored(connection: &mut MultiplexedConnection, key: &str) -> Option<String> {
    let value = redis::cmd("GET").arg(key).query_async(connection).await;
    value.expect("the server answers")
}

/// Calls `client`, then tries the key at once.
async fn call_and_try(client: &LockClient, rounds: usize) {
    for round in 0..rounds {
        let called = client.scope(background("a")).await;
        assert_eq!(
            called.expect("never busy against itself"),
            7,
            "round {round}"
        );
        let tried = client.lock("a").acquire().await;
        drop(tried.unwrap_or_else(|error| panic!("round {round}: {error}")));
    }
    assert_eq!(client.lost_after_return(), 0);
}

#[tokio::test]
async fn ten_thousand_tries_right_behind_a_call_are_never_busy_on_one_thread() {
    let client = connected(&Server::shared().url(), "tried:").await;
    call_and_try(&client, 10_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_tries_in_another_task_right_behind_a_call_are_never_busy() {
    let client = connected(&Server::shared().url(), "tried elsewhere:").await;
    for round in 0..2_000 {
        let called = client.scope(background("a")).await;
        assert_eq!(called.expect("never busy against itself"), 7);
        let request = client.lock("a").release(ReleaseMode::Background);
        let tried = tokio::spawn(request.acquire()).await.expect("no panic");
        drop(tried.unwrap_or_else(|error| panic!("round {round}: {error}")));
    }
    assert_eq!(client.lost_after_return(), 0);
}

#[tokio::test]
async fn ten_thousand_tries_right_behind_a_call_are_never_busy_in_memory() {
    call_and_try(&LockClient::in_memory(), 10_000).await;
}

#[tokio::test]
async fn tries_right_behind_a_call_are_never_busy_where_the_script_is_forgotten() {
    let server = Server::start(&[]);
    let client = connected(&server.url(), "").await;
    let mut stranger = server.raw().await;
    for _ in 0..200 {
        let () = redis::cmd("SCRIPT")
            .arg("FLUSH")
            .query_async(&mut stranger)
            .await
            .expect("flushed");
        call_and_try(&client, 1).await;
    }
}

fn delayed(proxy: &Proxy) {
    for name in RELEASES {
        proxy.plan(name, Fault::DelayAnswer(LATE));
    }
}

#[tokio::test]
async fn the_result_comes_before_the_release_is_answered_and_shutdown_drains_it() {
    let proxy = Proxy::start(Server::shared().port()).await;
    let client = connected(&proxy.url(), "late answer:").await;
    for (waits, call) in [(false, "background"), (true, "answered")] {
        delayed(&proxy);
        let start = Instant::now();
        let called = match call {
            "background" => client.scope(background("a")).await,
            _ => client.scope(answered("b")).await,
        };
        assert_eq!(called.expect("free"), 7);
        let took = start.elapsed();
        assert_eq!(took >= LATE, waits, "{call}: {took:?}");
        proxy.heal();
    }
    delayed(&proxy);
    let start = Instant::now();
    client.scope(background("c")).await.expect("free");
    let rest = client.shutdown(DRAIN).await;
    assert!(rest.is_empty(), "{rest:?}");
    assert!(start.elapsed() >= LATE, "{:?}", start.elapsed());
    let mut stranger = Server::shared().raw().await;
    assert_eq!(stored(&mut stranger, "late answer:c").await, None);
}

#[tokio::test]
async fn a_try_is_sent_before_the_release_ahead_of_it_is_answered() {
    let proxy = Proxy::start(Server::shared().port()).await;
    let client = connected(&proxy.url(), "in flight:").await;
    // The server knows the script from now on.
    client.scope(answered("a")).await.expect("free");
    delayed(&proxy);
    let start = Instant::now();
    client.scope(background("a")).await.expect("free");
    let before = proxy.count("SET");
    let tried = client.lock("a");
    let trying = tokio::spawn(tried.acquire());
    while proxy.count("SET") == before {
        sleep(Duration::from_millis(1)).await;
    }
    assert!(start.elapsed() < LATE, "{:?}", start.elapsed());
    drop(trying.await.expect("no panic").expect("free by then"));
}

#[tokio::test]
async fn a_release_without_an_answer_is_sent_again() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port()).await;
    let client = connected(&proxy.url(), "").await;
    let runs = Arc::new(Notify::new());
    let on = Arc::new(Notify::new());
    let call = tokio::spawn(client.scope({
        let (runs, on) = (runs.clone(), on.clone());
        async move { stoppable("a", runs, on).await }
    }));
    runs.notified().await;
    proxy.silence();
    on.notify_one();
    let returned = timeout(LATE, call).await.expect("does not wait");
    assert_eq!(returned.expect("no panic").expect("in time"), 7);
    let rest = client.shutdown(DRAIN).await;
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!(stored(&mut server.raw().await, "a").await, None);
    assert_eq!(client.lost_after_return(), 0);
}

/// Runs `stoppable` in `store`, and steals its lock meanwhile.
async fn stolen(client: &LockClient, store: &MemoryStore) -> Result<u32, LockError> {
    let (runs, on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let theft = async {
        runs.notified().await;
        store.remove("lock:a");
        on.notify_one();
    };
    let call = client.scope(stoppable("a", runs.clone(), on.clone()));
    tokio::join!(call, theft).0
}

#[tokio::test]
async fn a_lock_stolen_in_mid_body_is_counted_and_warned_of_after_the_result() {
    let warnings = Events::of(Level::WARN);
    let _default = tracing::subscriber::set_default(warnings.clone());
    let store = MemoryStore::new();
    let client = LockClient::builder().store(store.clone()).expect("sound");
    for n in 1..=3 {
        assert_eq!(stolen(&client, &store).await.expect("learnt too late"), 7);
        drop(client.lock("a").acquire().await.expect("free"));
        assert_eq!(client.lost_after_return(), n);
    }
    let guard = client.lock("b").release(ReleaseMode::Background);
    let guard: LockGuard = guard.acquire().await.expect("free");
    store.remove("lock:b");
    drop(guard);
    // As ever: nobody asked for it.
    let guard = client.lock("c").acquire().await.expect("free");
    store.remove("lock:c");
    drop(guard);
    assert!(client.shutdown(DRAIN).await.is_empty());
    assert_eq!(client.lost_after_return(), 4);
    let told = warnings.told();
    assert_eq!(told.len(), 4, "{told:?}");
    for key in ["lock:a", "lock:b"] {
        assert!(told.iter().any(|told| told.contains(key)), "{told:?}");
    }
}

#[tokio::test]
async fn a_lock_stolen_on_a_server_is_counted() {
    let client = connected(&Server::shared().url(), "stolen:").await;
    let mut stranger = Server::shared().raw().await;
    let (runs, on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let theft = async {
        runs.notified().await;
        let set = redis::cmd("SET").arg("stolen:a").arg("thief").to_owned();
        let () = set.query_async(&mut stranger).await.expect("stolen");
        on.notify_one();
    };
    let call = client.scope(stoppable("a", runs.clone(), on.clone()));
    let (called, ()) = tokio::join!(call, theft);
    assert_eq!(called.expect("learnt too late"), 7);
    assert!(client.shutdown(DRAIN).await.is_empty());
    assert_eq!(client.lost_after_return(), 1);
    let left = stored(&mut stranger, "stolen:a").await;
    assert_eq!(left.as_deref(), Some("thief"));
}

#[distributed_lock(
    key = "<key>",
    ttl = "50ms",
    on_lost = "finish",
    release = "background"
)]
async fn late(key: &str) -> Result<u32, LockError> {
    sleep(Duration::from_millis(100)).await;
    Ok(7)
}

#[tokio::test]
async fn a_body_that_ends_late_waits_for_the_verdict() {
    let client = connected(&Server::shared().url(), "late body:").await;
    match client.scope(late("a")).await {
        Err(LockError::Lost { found, .. }) => assert_eq!(found, Some(Ownership::Free)),
        other => panic!("{other:?}"),
    }
    assert_eq!(client.lost_after_return(), 0);
}

#[tokio::test]
async fn an_explicit_release_hears_its_answer() {
    let store = MemoryStore::new();
    let builder = LockClient::builder().release(ReleaseMode::Background);
    let client = builder.store(store.clone()).expect("sound");
    let guard = client.lock("a").acquire().await.expect("free");
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    let guard = client.lock("a").acquire().await.expect("free");
    store.remove("lock:a");
    let released = guard.release().await;
    assert!(
        matches!(released, Err(LockError::Lost { .. })),
        "{released:?}"
    );
    assert_eq!(client.lost_after_return(), 0);
}

#[tokio::test]
async fn the_attribute_goes_before_the_client() {
    let proxy = Proxy::start(Server::shared().port()).await;
    for (mode, waits) in [
        (ReleaseMode::Background, false),
        (ReleaseMode::Answered, true),
    ] {
        let builder = LockClient::builder().command_deadline(COMMAND_DEADLINE);
        let builder = builder.prefix("precedence:").release(mode);
        let client = builder.connect(&proxy.url()).await.expect("answers");
        client.scope(answered("a")).await.expect("free");
        for (call, expected) in [("client", waits), ("answered", true), ("background", false)] {
            delayed(&proxy);
            let start = Instant::now();
            let called = match call {
                "client" => client.scope(as_the_client_says(call)).await,
                "answered" => client.scope(answered(call)).await,
                _ => client.scope(background(call)).await,
            };
            called.expect("free");
            let took = start.elapsed();
            assert_eq!(took >= LATE, expected, "{mode:?}, {call}: {took:?}");
            proxy.heal();
        }
        assert!(client.shutdown(DRAIN).await.is_empty());
    }
}

#[distributed_lock(key = "<key>", ttl = "10m", release = "background")]
async fn panics(key: &str) -> Result<u32, LockError> {
    panic!("of the body")
}

#[tokio::test]
async fn a_panic_and_a_cancelled_call_give_the_lock_back() {
    let client = connected(&Server::shared().url(), "endings:").await;
    let inside = client.clone();
    let panicked = tokio::spawn(async move { inside.scope(panics("a")).await });
    assert!(panicked.await.expect_err("panics").is_panic());
    drop(client.lock("a").acquire().await.expect("given back"));
    let (runs, on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let call = client.scope(stoppable("b", runs.clone(), on));
    tokio::select! {
        called = call => panic!("{called:?}"),
        () = runs.notified() => {}
    }
    drop(client.lock("b").acquire().await.expect("given back"));
    assert!(client.shutdown(DRAIN).await.is_empty());
    let mut stranger = Server::shared().raw().await;
    for key in ["endings:a", "endings:b"] {
        assert_eq!(stored(&mut stranger, key).await, None);
    }
    assert_eq!(client.lost_after_return(), 0);
}

/// The short process of the test below; does nothing unless told to.
#[test]
fn short_process() {
    let Ok(url) = std::env::var("SHORT_PROCESS_URL") else {
        return;
    };
    let key = std::process::id().to_string();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = connected(&url, "short:").await;
        client.scope(background(&key)).await.expect("free");
        assert!(client.shutdown(DRAIN).await.is_empty());
    });
}

#[tokio::test]
async fn twenty_short_processes_leave_no_key_after_shutdown() {
    for _ in 0..20 {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["--exact", "short_process"])
            .env("SHORT_PROCESS_URL", Server::shared().url());
        let output = command.output().expect("starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
    }
    let mut stranger = Server::shared().raw().await;
    let keys = redis::cmd("KEYS").arg("short:*").to_owned();
    let left: Vec<String> = keys.query_async(&mut stranger).await.expect("answers");
    assert_eq!(left, Vec::<String>::new());
}
