use redis::{AsyncConnectionConfig, RedisConnectionInfo};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn watch() -> Arc<Watch> {
    Arc::new(Watch {
        address: "turn".into(),
        state: Mutex::default(),
        changed: Arc::default(),
    })
}

fn enter(watch: &Watch) -> Arc<Inbox> {
    let token = LockToken::new("f", SECOND, Duration::ZERO);
    watch.enter(&"k".into(), &token)
}

/// A server that answers each PING as it is told, then no more.
async fn serve(mut stream: DuplexStream, pings: &'static [&'static str]) {
    let (mut pings, mut words) = (pings.iter(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut words).await {
        let words = String::from_utf8_lossy(&words[..read]);
        for command in words.split('*').skip(1) {
            let answer = if command.contains("PING") {
                pings.next().copied().unwrap_or_default()
            } else {
                "+OK\r\n"
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_given_up_after_two_silences_in_a_row_and_no_refusal() {
    let (stream, server) = duplex(4096);
    let pings = &[
        "-BUSY a script runs\r\n",
        "",
        "+PONG\r\n+PONG\r\n",
        "-NOPERM no PING\r\n",
    ];
    tokio::spawn(serve(server, pings));
    let info = RedisConnectionInfo::default();
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let connection = MultiplexedConnection::new_with_config(&info, stream, config);
    let (connection, driver) = connection.await.expect("connects");
    tokio::spawn(driver);
    let opened = Opened {
        channel: Arc::new(Channel::new(connection, SECOND / 2)),
        tracks: false,
        gone: Arc::default(),
    };
    let watch = watch();
    let _inbox = enter(&watch);
    let since = Instant::now();
    assert!(listened(&Arc::downgrade(&watch), &opened).await);
    // Four pulses; one silence that was late, and two that stayed out.
    let expected = 4 * PULSE + 3 * SECOND / 2;
    let took = since.elapsed();
    assert!(took >= expected && took < expected + SECOND, "{took:?}");
}

#[test]
fn heads_in_other_runtimes_know_when_the_one_that_told_them_ends() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().expect("a runtime")
    };
    let (first, second) = (runtime(), runtime());
    let watch = first.block_on(async {
        let open = Box::new(|_| Box::pin(std::future::pending()) as Pin<Box<_>>);
        Watch::start("", SECOND, open)
    });
    let inbox = enter(&watch);
    drop(first);
    let news = second.block_on(async { timeout(SECOND, inbox.heard()).await });
    assert_eq!(news, Ok(News::Lost));
    assert!(watch.is_settled() && watch.address().is_none());
}

#[test]
fn what_is_no_news_is_not_taken_for_any() {
    assert_eq!(parsed(b"turn a|b|c"), Some((News::Turn, "a|b|c")));
    let next = News::Next(Duration::from_millis(200));
    assert_eq!(parsed(b"next 200 a|b"), Some((next, "a|b")));
    for words in [
        &b"turn"[..],
        b"",
        b"next x a",
        b"next 5",
        b"gone a",
        b"\xff \xff",
    ] {
        assert_eq!(parsed(words), None);
    }
}
