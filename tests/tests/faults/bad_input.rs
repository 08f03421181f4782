//! Answers that make no sense, and values at our keys that nobody should have put there.

use std::time::Duration;

use lock_runtime::{Holder, LockClient, LockError, Ownership, Release};
use tests::{Fault, Proxy, Server};
use tokio::time::{Instant, sleep};

use crate::{connect, drain, keys, run, world};

const TTL: Duration = Duration::from_secs(3);

/// Answers that no `SET … NX GET` and no `GET` gives, and some that are cut off.
fn nonsense() -> Vec<Fault> {
    let answers = [
        "+OK\r\n",
        ":1\r\n",
        "*0\r\n",
        "*2\r\n:1\r\n$1\r\na\r\n",
        "%1\r\n+a\r\n+b\r\n",
        "#t\r\n",
        ",1.5\r\n",
        "$5\r\nabc",
        "no protocol at all\r\n",
        "-\r\n",
        "-WHATEVER it is\r\n",
        "-ERR unknown command 'SET', with args beginning with: 'lock:a' 'a token'\r\n",
    ];
    let answers = answers.map(|answer| Fault::Replace(answer.as_bytes().to_vec()));
    let cut = [0, 1, 3].map(Fault::Truncate);
    answers.into_iter().chain(cut).collect()
}

/// An acquire that was not answered sensibly is an error that names the key, and no lock.
fn told(error: &LockError) {
    assert!(
        matches!(
            error,
            LockError::Indeterminate { .. } | LockError::Backend { .. }
        ),
        "{error}"
    );
    let text = error.to_string();
    assert!(text.contains("`lock:a`"), "{text}");
    assert!(!text.contains("a token"), "{text}");
}

#[tokio::test]
async fn an_acquire_that_is_answered_with_nonsense_holds_nothing_and_leaves_nothing() {
    let server = Server::start(&[]);
    let mut rounds = Vec::new();
    for fault in nonsense() {
        let proxy = Proxy::start(server.port()).await;
        let prefix = format!("{}:lock:", proxy.port());
        let builder = LockClient::builder()
            .prefix(&prefix)
            .command_deadline(Duration::from_secs(2));
        let client = builder.connect(&proxy.url()).await.expect("answers");
        rounds.push(tokio::spawn(async move {
            // Whatever is asked, it is answered like that.
            for command in ["SET", "GET", "PTTL"] {
                proxy.always(command, fault.clone());
            }
            let asked = Instant::now();
            let acquired = client.lock("a").ttl(TTL).acquire().await;
            let error = acquired.expect_err("no answer shows that it is ours");
            assert!(asked.elapsed() < Duration::from_secs(4), "{fault:?}");
            println!("{fault:?}: {error}");
            let text = error.to_string();
            assert!(text.contains(":lock:a`"), "{text}");
            // The next call works: on the same connection, or another.
            proxy.heal();
            let guard = client.lock("b").ttl(TTL).acquire().await;
            let guard = guard.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
            assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
            drain(&client).await;
        }));
    }
    for round in rounds {
        round.await.expect("no panic");
    }
    // What was granted without our knowing is given back or over.
    crate::until_empty(&server, TTL * 3).await;
}

#[tokio::test]
async fn one_senseless_answer_is_settled_by_the_check() {
    let (server, proxy, client) = world(Duration::from_secs(4)).await;
    for fault in [
        Fault::Replace(b"+OK\r\n".to_vec()),
        Fault::Replace(b"*0\r\n".to_vec()),
        Fault::Replace(b":1\r\n".to_vec()),
        Fault::Truncate(1),
        Fault::Truncate(4),
    ] {
        // Free: our own token is found.
        let before = proxy.connections();
        proxy.plan("SET", fault.clone());
        let asked = Instant::now();
        let guard = client.lock("a").ttl(TTL).acquire().await;
        let guard = guard.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert!(guard.remaining() + asked.elapsed() <= TTL);
        // Where one answer made no sense, no other is believed.
        assert_eq!(proxy.connections(), before + 1, "{fault:?}");
        assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
        // Held by another: theirs is found, and never deleted.
        let _: () = run(&mut server.raw().await, &["SET", "lock:a", "thief"]).await;
        proxy.plan("SET", fault.clone());
        let error = client.lock("a").ttl(TTL).acquire().await.expect_err("held");
        assert!(
            matches!(error, LockError::Busy { .. }),
            "{fault:?}: {error}"
        );
        let there: String = run(&mut server.raw().await, &["GETDEL", "lock:a"]).await;
        assert_eq!(there, "thief");
    }
    drain(&client).await;
    assert_eq!(keys(&server).await, 0);
}

#[tokio::test]
async fn an_answer_that_is_left_out_is_noticed_and_its_connection_replaced() {
    let (server, proxy, client) = world(Duration::from_secs(2)).await;
    let ttl = Duration::from_secs(30);
    proxy.plan("SET", Fault::LeaveOut);
    let guard = client.lock("a").ttl(ttl).acquire().await;
    let guard = guard.expect("not busy against itself");
    assert_eq!(proxy.connections(), 2);
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    let _: () = run(&mut server.raw().await, &["SET", "lock:a", "thief"]).await;
    proxy.plan("SET", Fault::LeaveOut);
    let error = client.lock("a").ttl(ttl).acquire().await.expect_err("held");
    assert!(matches!(error, LockError::Busy { .. }), "{error}");
    assert_eq!(proxy.connections(), 3);
    let there: String = run(&mut server.raw().await, &["GETDEL", "lock:a"]).await;
    assert_eq!(there, "thief");
}

#[tokio::test]
async fn a_release_that_is_answered_with_nonsense_is_sent_again_and_told() {
    let (server, proxy, client) = world(Duration::from_millis(1_600)).await;
    for answer in ["$1\r\n1\r\n", "+OK\r\n", ":7\r\n", "*0\r\n", "_\r\n"] {
        let fault = Fault::Replace(answer.as_bytes().to_vec());
        let guard = client.lock("a").ttl(TTL).acquire().await.expect("free");
        for command in ["EVALSHA", "EVAL"]
            .into_iter()
            .chain(Server::compare_and_delete())
        {
            proxy.always(command, fault.clone());
        }
        match guard.release().await {
            Err(error @ LockError::Indeterminate { .. }) => told(&error),
            other => panic!("{answer:?}: {other:?}"),
        }
        proxy.heal();
        let next = client.lock("a").ttl(TTL).wait(TTL * 2).acquire().await;
        next.expect("over").release().await.expect("ours");
    }
    drain(&client).await;
    assert_eq!(keys(&server).await, 0);
}

#[tokio::test]
async fn an_extension_that_is_answered_with_nonsense_moves_no_deadline() {
    let (_server, proxy, client) = world(Duration::from_secs(2)).await;
    // What a script cannot answer, and what a SET cannot.
    let (commands, answers): (&[_], _) = match Server::compare_and_delete() {
        None => (&["EVALSHA", "EVAL"], ["+OK\r\n", "_\r\n"]),
        Some(_) => (&["SET"], [":1\r\n", ":0\r\n"]),
    };
    for answer in ["$1\r\n1\r\n", "*0\r\n", "#t\r\n"]
        .into_iter()
        .chain(answers)
    {
        // A connection gets to know its server by the first release.
        let warm = client.lock("a").acquire().await.expect("free");
        warm.release().await.expect("ours");
        let guard = client.lock("a").ttl(TTL).acquire().await.expect("free");
        let before = guard.remaining();
        sleep(Duration::from_millis(20)).await;
        for &command in commands {
            proxy.plan(command, Fault::Replace(answer.as_bytes().to_vec()));
        }
        let error = guard.extend().await.expect_err("no sense");
        told(&error);
        assert!(guard.remaining() < before, "{answer:?}");
        proxy.heal();
        guard.release().await.expect("ours");
    }
    drain(&client).await;
}

#[tokio::test]
async fn a_value_of_a_megabyte_at_our_key_is_busy_with_a_short_preview() {
    let (server, _proxy, client) = world(Duration::from_secs(2)).await;
    let large = "x".repeat(1 << 20);
    let mut stranger = server.raw().await;
    let _: () = run(&mut stranger, &["SET", "lock:a", &large]).await;
    let error = client.lock("a").acquire().await.expect_err("a stranger's");
    assert!(
        matches!(&error, LockError::Busy { holder: Some(Holder::Foreign(shown)), .. } if shown.len() < 60),
        "{}",
        error.to_string().len()
    );
    let text = format!("{error} {error:?}");
    assert!(text.len() < 500, "{}", text.len());
    // Who waits for it fetches it at every poll.
    let sent = async |stranger: &mut redis::aio::MultiplexedConnection| {
        let told: String = run(stranger, &["INFO", "stats"]).await;
        let field = told
            .lines()
            .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        let bytes: u64 = field
            .and_then(|field| field.parse().ok())
            .expect("a number");
        bytes
    };
    let before = sent(&mut stranger).await;
    let wait = Duration::from_secs(1);
    let error = client
        .lock("a")
        .wait(wait)
        .acquire()
        .await
        .expect_err("held");
    assert!(
        matches!(error, LockError::WaitTimeout { .. }),
        "{}",
        error.to_string().len()
    );
    let megabytes = (sent(&mut stranger).await - before) >> 20;
    println!("waiting for a key of 1 MiB fetches {megabytes} MiB/s");
    let there: String = run(&mut stranger, &["GETDEL", "lock:a"]).await;
    assert_eq!(there, large);
    let guard = client.lock("a").acquire().await.expect("free");
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
    // Put over our own: ours is lost, theirs stays.
    let _: () = run(&mut stranger, &["SET", "lock:a", &large]).await;
    let lost = guard.release().await.expect_err("lost");
    assert!(
        matches!(lost, LockError::Lost { .. }),
        "{}",
        lost.to_string().len()
    );
    assert!(lost.to_string().len() < 500);
    let there: String = run(&mut stranger, &["GETDEL", "lock:a"]).await;
    assert_eq!(there, large);
    drain(&client).await;
}

#[tokio::test]
async fn a_key_of_another_type_is_busy_and_never_deleted() {
    let (server, _proxy, client) = world(Duration::from_secs(2)).await;
    let mut stranger = server.raw().await;
    let makers: [&[&str]; 5] = [
        &["RPUSH", "lock:a", "x"],
        &["HSET", "lock:a", "x", "y"],
        &["SADD", "lock:a", "x"],
        &["ZADD", "lock:a", "1", "x"],
        &["XADD", "lock:a", "*", "x", "y"],
    ];
    for maker in makers {
        let _: redis::Value = run(&mut stranger, maker).await;
        let error = client.lock("a").acquire().await.expect_err("a stranger's");
        assert!(
            matches!(
                &error,
                LockError::Busy {
                    holder: Some(Holder::NotALock),
                    ..
                }
            ),
            "{error}"
        );
        assert!(error.to_string().contains("holder: not a lock"), "{error}");
        assert_eq!(run::<usize>(&mut stranger, &["DEL", "lock:a"]).await, 1);
        // The same over a lock that was ours.
        let guard = client.lock("a").acquire().await.expect("free");
        let _: () = run(&mut stranger, &["DEL", "lock:a"]).await;
        let _: redis::Value = run(&mut stranger, maker).await;
        let lost = guard.release().await.expect_err("lost");
        assert!(matches!(lost, LockError::Lost { .. }), "{lost}");
        assert_eq!(run::<usize>(&mut stranger, &["DEL", "lock:a"]).await, 1);
    }
    drain(&client).await;
}

#[tokio::test]
async fn a_fence_key_without_a_number_is_an_error_that_names_it_and_takes_no_lock() {
    let server = Server::start(&[]);
    let client = connect(&server.url(), Duration::from_secs(2)).await;
    let mut stranger = server.raw().await;
    let fence = "lock:fence:{lock:a}";
    let large = "x".repeat(1 << 20);
    for value in ["text", "", "-1", "1.5", "99999999999999999999", &large] {
        let _: () = run(&mut stranger, &["SET", fence, value]).await;
        let error = client.lock("a").fenced().acquire().await;
        let error = error.expect_err("no fence to be drawn");
        let text = error.to_string();
        assert!(matches!(error, LockError::Backend { .. }), "{text}");
        assert!(text.contains("`lock:a`") && text.contains(fence), "{text}");
        assert!(text.len() < 500, "{}", text.len());
        assert_eq!(run::<usize>(&mut stranger, &["EXISTS", "lock:a"]).await, 0);
        let there: String = run(&mut stranger, &["GETDEL", fence]).await;
        assert_eq!(there, value);
    }
    let _: usize = run(&mut stranger, &["RPUSH", fence, "x"]).await;
    let error = client
        .lock("a")
        .fenced()
        .acquire()
        .await
        .expect_err("a list");
    assert!(error.to_string().contains(fence), "{error}");
    // Locks without a fence do not mind.
    let guard = client.lock("a").acquire().await.expect("free");
    guard.release().await.expect("ours");
    let _: () = run(&mut stranger, &["DEL", fence]).await;
    let guard = client.lock("a").fenced().acquire().await.expect("free");
    guard.release().await.expect("ours");
    drain(&client).await;
}
