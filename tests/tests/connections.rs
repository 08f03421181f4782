//! The connections of a client: when they break together, and who may keep them from the others.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lock_runtime::{LockClient, LockError};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, cmd};
use tests::Server;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

async fn run<T: FromRedisValue>(server: &mut MultiplexedConnection, words: &[&str]) -> T {
    let mut command = cmd(words[0]);
    command.arg(&words[1..]);
    let answer = command.query_async(server).await;
    answer.expect("the server obeys")
}

/// Cuts all connections of clients but the one it is told on.
async fn cut_all(stranger: &mut MultiplexedConnection) {
    let _: usize = run(stranger, &["CLIENT", "KILL", "TYPE", "normal"]).await;
    // The sockets' ends reach us.
    sleep(Duration::from_millis(200)).await;
}

async fn connections(stranger: &mut MultiplexedConnection) -> usize {
    let list: String = run(stranger, &["CLIENT", "LIST", "TYPE", "normal"]).await;
    list.lines().count() - 1
}

/// A primary whose one replica acknowledges, and a client that asks for it.
async fn acknowledged() -> (Server, Server, LockClient) {
    let primary = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let port = primary.port().to_string();
    let replica = ["--replicaof", "127.0.0.1", &port];
    let replica = Server::start_in(Some(Server::folder()), &replica);
    let mut stranger = primary.raw().await;
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let _: () = run(&mut stranger, &["SET", "written", "1"]).await;
        if run::<usize>(&mut stranger, &["WAIT", "1", "100"]).await >= 1 {
            break;
        }
        assert!(Instant::now() < patience, "the replica does not come");
    }
    let builder = LockClient::builder().acks(1, Duration::from_millis(900));
    let client = builder.connect(&primary.url()).await.expect("answers");
    (primary, replica, client)
}

#[tokio::test]
async fn idle_connections_that_broke_together_are_not_tried_one_by_one() {
    let (primary, _replica, client) = acknowledged().await;
    let mut stranger = primary.raw().await;
    // Reads are answered: each call makes a connection, and keeps it.
    let _: () = run(&mut stranger, &["CLIENT", "PAUSE", "300", "WRITE"]).await;
    let many = (0..30).map(|n| tokio::spawn(client.lock(n.to_string()).acquire()));
    for taken in many.collect::<Vec<_>>() {
        let guard = taken.await.expect("no panic").expect("free");
        guard.release().await.expect("ours");
    }
    let request = client.lock("renewed").ttl(Duration::from_secs(2)).renew();
    let renewed = request.acquire().await.expect("free");
    assert!(connections(&mut stranger).await > 25);
    cut_all(&mut stranger).await;
    let asked = Instant::now();
    let guard = client.lock("a").acquire().await.expect("the server is up");
    assert!(
        asked.elapsed() < Duration::from_secs(1),
        "{:?}",
        asked.elapsed()
    );
    guard.release().await.expect("ours");
    cut_all(&mut stranger).await;
    assert!(
        timeout(Duration::from_secs(4), renewed.lost())
            .await
            .is_err()
    );
    renewed.release().await.expect("ours");
}

#[tokio::test]
async fn who_waits_for_a_busy_key_keeps_no_connection_from_the_pool() {
    let (primary, _replica, client) = acknowledged().await;
    let mut stranger = primary.raw().await;
    let waiting: Vec<_> = (0..80)
        .map(|n| format!("busy:{n}"))
        .map(|key| client.lock(key).wait(Duration::from_secs(3)))
        .collect();
    for n in 0..80 {
        let _: () = run(
            &mut stranger,
            &["SET", &format!("lock:busy:{n}"), "stranger"],
        )
        .await;
    }
    let waiting: Vec<_> = waiting
        .into_iter()
        .map(|request| tokio::spawn(request.acquire()))
        .collect();
    sleep(Duration::from_secs(2)).await;
    let open = connections(&mut stranger).await;
    println!("80 calls that wait keep {open} connections");
    assert!(open < 60, "{open}");
    for call in waiting {
        let busy = call.await.expect("no panic");
        assert!(
            matches!(busy, Err(LockError::WaitTimeout { .. })),
            "{busy:?}"
        );
    }
}

#[tokio::test]
async fn a_call_that_is_not_polled_while_it_connects_keeps_nobody_else_from_connecting() {
    let server = Server::start(&[]);
    let client = LockClient::connect(&server.url()).await.expect("answers");
    let mut stranger = server.raw().await;
    cut_all(&mut stranger).await;
    let _: () = run(&mut stranger, &["CLIENT", "PAUSE", "600", "ALL"]).await;
    let mut kept = pin!(client.lock("a").acquire());
    let connecting = timeout(Duration::from_millis(300), kept.as_mut()).await;
    assert!(connecting.is_err(), "{connecting:?}");
    // Kept, and not polled.
    let guard = client.lock("b").acquire().await.expect("the server is up");
    guard.release().await.expect("ours");
}

#[tokio::test]
async fn a_silent_server_is_not_stormed_by_calls_that_give_up_on_it() {
    let server = Server::start(&[]);
    let port = server.port();
    let builder = LockClient::builder().command_deadline(Duration::from_millis(1_600));
    let client = builder.connect(&server.url()).await.expect("answers");
    drop(server);
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("free");
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = attempts.clone();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            silent.push(stream);
        }
    });
    for _ in 0..3 {
        let calls = (0..50).map(|n| tokio::spawn(client.lock(n.to_string()).acquire()));
        for call in calls.collect::<Vec<_>>() {
            let asked = call.await.expect("no panic");
            assert!(asked.is_err(), "{asked:?}");
        }
    }
    let attempts = attempts.load(Ordering::Relaxed);
    println!("150 calls connected {attempts} times");
    assert!(attempts <= 20, "{attempts}");
}

#[tokio::test]
async fn those_behind_the_head_are_told_that_the_server_is_down_not_that_the_lock_is_busy() {
    let server = Server::start(&[]);
    let client = LockClient::connect(&server.url()).await.expect("answers");
    drop(server);
    let wait = |length| {
        client
            .lock("a")
            .wait(Duration::from_millis(length))
            .acquire()
    };
    let head = tokio::spawn(wait(4_000));
    sleep(Duration::from_millis(200)).await;
    let behind = tokio::spawn(wait(1_000));
    sleep(Duration::from_millis(200)).await;
    let once = client.lock("a").acquire().await;
    for call in [
        once,
        behind.await.expect("no panic"),
        head.await.expect("no panic"),
    ] {
        let error = call.expect_err("down");
        assert!(!error.is_busy(), "{error}");
        // The head may have written to the connection before it saw it end.
        let known = matches!(&error, LockError::Backend { .. });
        assert!(
            known || matches!(&error, LockError::Indeterminate { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("server is up"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_answers_reads_only_does_not_get_a_connection_a_second() {
    let server = Server::start(&[]);
    let builder = LockClient::builder().command_deadline(Duration::from_millis(800));
    let client = builder.connect(&server.url()).await.expect("answers");
    let mut stranger = server.raw().await;
    let _: () = run(&mut stranger, &["CLIENT", "PAUSE", "8000", "WRITE"]).await;
    let waiting = tokio::spawn(client.lock("a").wait(Duration::from_secs(7)).acquire());
    sleep(Duration::from_secs(6)).await;
    let open = connections(&mut stranger).await;
    println!("one call that waits has {open} connections");
    assert!(open <= 12, "{open}");
    waiting.abort();
    let rest = client.shutdown(Duration::from_secs(10)).await;
    assert!(rest.is_empty(), "{rest:?}");
    let left: Vec<String> = run(&mut stranger, &["KEYS", "*"]).await;
    assert!(left.is_empty(), "{left:?}");
}
