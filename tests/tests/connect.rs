//! Servers that cannot be used, and what a user is told about them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lock_runtime::{LockClient, LockError};
use tests::{Server, old_server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

const SECRET: &str = "hunter2-secret";

async fn refusal(url: &str) -> String {
    let builder = LockClient::builder().connect_timeout(Duration::from_millis(800));
    let asked = Instant::now();
    let error = builder.connect(url).await.expect_err("cannot be used");
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
    let told = format!("{error}\n{error:?}");
    assert!(!told.contains("secret"), "{told}");
    println!("{error}");
    error.to_string()
}

/// A port where somebody answers every command with these bytes.
async fn stranger(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let port = listener.local_addr().expect("its number").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut read = [0; 1024];
                while let Ok(length @ 1..) = stream.read(&mut read).await {
                    let commands = read[..length].iter().filter(|byte| **byte == b'*');
                    let answers = answer.repeat(commands.count());
                    if stream.write_all(&answers).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("redis://:{SECRET}@127.0.0.1:{port}")
}

#[tokio::test]
async fn a_wrong_url_is_told_without_its_password() {
    for (url, wrong) in [
        ("", "empty"),
        ("127.0.0.1:6379", "begin"),
        ("http://localhost", "scheme"),
        ("redis://:hunter2-secret@", "no host"),
        ("redis://:hunter2-secret@localhost:notaport", "port"),
        (
            "redis://:hunter2-secret@localhost:6379/notadatabase",
            "database number",
        ),
        ("redis://:hunter2-secret@[::1", "no `]`"),
        ("redis://:hunter2/secret@localhost", "`%2F`"),
        // Else the password would be taken for a port, and told.
        ("redis://secret:6379#word@localhost", "`%23`"),
        ("redis://:hunter2-secret@one:6379,two:6379", "several"),
    ] {
        let told = refusal(url).await;
        assert!(told.contains("Redis URL cannot be read: "), "{url}: {told}");
        assert!(told.contains(wrong), "{url}: {told}");
        assert!(told.contains("redis://"), "{url}: {told}");
    }
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn tls_without_its_feature_names_the_feature() {
    let told = refusal("rediss://:hunter2-secret@localhost:6379").await;
    assert!(told.contains("feature `tls`"), "{told}");
}

#[tokio::test]
async fn nobody_at_the_port() {
    let told = refusal("redis://:hunter2-secret@127.0.0.1:1").await;
    assert!(told.contains("127.0.0.1:1"), "{told}");
    assert!(told.contains("server is up"), "{told}");
}

#[tokio::test]
async fn no_such_database() {
    let told = refusal(&format!("{}/99", Server::shared().url())).await;
    assert!(told.contains("another database number"), "{told}");
}

#[tokio::test]
async fn no_such_host() {
    let told = refusal("redis://:hunter2-secret@no-such-host.invalid").await;
    assert!(told.contains("no-such-host.invalid"), "{told}");
    assert!(told.contains("check host"), "{told}");
}

#[tokio::test]
async fn a_password_that_is_missing_or_wrong() {
    let server = Server::start(&["--requirepass", "right"]);
    let port = server.port();
    let missing = refusal(&format!("redis://127.0.0.1:{port}")).await;
    let wrong = refusal(&format!("redis://:{SECRET}@127.0.0.1:{port}")).await;
    let stranger = refusal(&format!("redis://eve:{SECRET}@127.0.0.1:{port}")).await;
    // A password that stands in the address hides neither.
    let common = refusal(&format!("redis://:redis@127.0.0.1:{port}")).await;
    for told in [missing, wrong, stranger, common] {
        let server = format!("at redis://127.0.0.1:{port}: ");
        assert!(told.contains(&server), "{told}");
        assert!(!told.contains("eve"), "{told}");
        assert!(told.contains("password"), "{told}");
        assert!(told.contains("URL"), "{told}");
    }
    let client = LockClient::connect(&server.url())
        .await
        .expect("the right one");
    let told = format!("{client:?}");
    assert!(!told.contains("right"), "{told}");
}

#[tokio::test]
async fn a_silent_server_is_given_up_within_five_seconds() {
    let url = stranger(Vec::new()).await;
    let asked = Instant::now();
    let error = LockClient::connect(&url).await.expect_err("says nothing");
    assert!(asked.elapsed() >= Duration::from_secs(4));
    assert!(asked.elapsed() < Duration::from_secs(8));
    assert!(error.to_string().contains("within 5s"), "{error}");
}

#[tokio::test]
async fn what_does_not_speak_the_protocol_is_told() {
    let url = stranger(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    let told = refusal(&url).await;
    assert!(told.contains("does not speak the Redis protocol"), "{told}");
}

#[tokio::test]
async fn a_server_that_repeats_what_it_was_told_does_not_spread_the_password() {
    let unknown = format!("-ERR unknown command 'AUTH', with args beginning with: '{SECRET}'\r\n");
    let refused = format!("-WRONGPASS '{SECRET}' is wrong\r\n");
    let bulk = format!("${}\r\n{SECRET}\r\n", SECRET.len());
    for answer in [unknown, refused, format!("+{SECRET}\r\n"), bulk] {
        refusal(&stranger(answer.into_bytes()).await).await;
    }
}

#[tokio::test]
async fn nothing_that_a_server_answers_makes_us_panic() {
    // Also in tasks, whose panics nobody would see.
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        told(panic);
    }));
    let deep = "*1\r\n".repeat(200);
    for answer in [
        "\r\n",
        "+\r\n",
        "$-5\r\n",
        "$99999999999999999999\r\n",
        "*2147483647\r\n",
        "*-7\r\n",
        "%1\r\n+a\r\n",
        ":12x\r\n",
        "-\r\n",
        "-NOSCRIPT\r\n",
        "-READONLY\r\n",
        "-LOADING busy\r\n",
        "_\r\n",
        ">1\r\n+push\r\n",
        "\u{0}\u{1}\u{ff}",
        &deep,
    ] {
        let url = stranger(answer.as_bytes().to_vec()).await;
        let builder = LockClient::builder()
            .connect_timeout(Duration::from_millis(200))
            .command_deadline(Duration::from_millis(200));
        let Ok(client) = builder.connect(&url).await else {
            continue;
        };
        // Whatever it took that for, calls end, and in time.
        let asked = Instant::now();
        let called = client.lock("a").acquire().await;
        drop(called.map(|guard| guard.token().clone()));
        assert!(asked.elapsed() < Duration::from_secs(5), "{answer:?}");
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_connection_closed_while_idle_costs_nothing_but_another() {
    let server = Server::start(&[]);
    let client = LockClient::connect(&server.url()).await.expect("answers");
    let mut stranger = server.raw().await;
    let kill = redis::cmd("CLIENT")
        .arg(&["KILL", "TYPE", "normal"])
        .to_owned();
    kill.exec_async(&mut stranger).await.expect("answers");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let request = client.lock("a").ttl(Duration::from_mins(10));
    let guard = request.acquire().await.expect("free");
    guard.release().await.expect("ours");
    // Its SET never left, and is not looked for until its ttl is over.
    let rest = client.shutdown(Duration::from_secs(5)).await;
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn a_server_that_ignores_get_is_not_taken_for_busy() {
    // It stores the token and says OK.
    let url = stranger(b"+OK\r\n".to_vec()).await;
    let builder = LockClient::builder().command_deadline(Duration::from_secs(1));
    let client = builder.connect(&url).await.expect("says OK to anything");
    let error = client.lock("a").acquire().await.expect_err("no answer");
    assert!(matches!(error, LockError::Indeterminate { .. }), "{error}");
}

#[tokio::test]
async fn a_server_older_than_set_nx_get_is_served_by_the_script() {
    let old = old_server(Server::shared()).await;
    let client = LockClient::builder()
        .prefix("old:")
        .connect(&old.url())
        .await
        .expect("an old server");
    for _ in 0..3 {
        let guard = client.lock("a").acquire().await.expect("free");
        let busy = client.lock("a").acquire().await;
        assert!(matches!(busy, Err(LockError::Busy { .. })), "{busy:?}");
        guard.release().await.expect("ours");
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_not_stormed_by_those_who_wait_for_it() {
    let server = Server::start(&[]);
    let (url, port) = (server.url(), server.port());
    let client = LockClient::connect(&url).await.expect("answers");
    drop(server);
    // Somebody listens there, and hangs up.
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("free");
    let attempts = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = attempts.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let wait = Duration::from_secs(3);
    let asked = Instant::now();
    let waiting: Vec<_> = (0..100)
        .map(|n| tokio::spawn(client.lock(n.to_string()).wait(wait).acquire()))
        .collect();
    for waiter in waiting {
        let error = waiter.await.expect("no panic").expect_err("down");
        // Some had written to the connection before they saw it end.
        let known = matches!(&error, LockError::Backend { .. });
        let known = known || matches!(&error, LockError::Indeterminate { .. });
        assert!(known, "{error}");
        assert!(
            error.to_string().contains(&format!("127.0.0.1:{port}")),
            "{error}"
        );
    }
    // Each to its own deadline, none beyond it.
    let took = asked.elapsed();
    assert!(
        took >= wait && took < wait + Duration::from_secs(2),
        "{took:?}"
    );
    let attempts = attempts.load(Ordering::Relaxed);
    println!("100 waiters connected {attempts} times in {took:?}");
    assert!((3..=60).contains(&attempts), "{attempts}");
}
