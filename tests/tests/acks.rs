//! Locks that count only when replicas have acknowledged them.

use std::time::Duration;

use lock_runtime::{LockClient, LockError, LockGuard, MemoryStore, Ownership};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, cmd};
use tests::Server;
use tokio::time::{Instant, sleep};

/// For replicas that acknowledge on a machine with much to do, and those that never will.
const LIMIT: Duration = Duration::from_secs(2);

async fn run<T: FromRedisValue>(server: &mut MultiplexedConnection, words: &[&str]) -> T {
    let mut command = cmd(words[0]);
    command.arg(&words[1..]);
    let answer = command.query_async(server).await;
    answer.expect("the server obeys")
}

/// A primary and its replicas, all in step.
async fn replicated(count: usize) -> (Server, Vec<Server>) {
    let primary = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let port = primary.port().to_string();
    let replicas: Vec<Server> = (0..count)
        .map(|_| {
            // Where what they save is not read by the next server.
            Server::start_in(Some(Server::folder()), &["--replicaof", "127.0.0.1", &port])
        })
        .collect();
    in_step(&primary, count).await;
    (primary, replicas)
}

async fn in_step(primary: &Server, count: usize) {
    let mut stranger = primary.raw().await;
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let _: () = run(&mut stranger, &["SET", "written", "1"]).await;
        if run::<usize>(&mut stranger, &["WAIT", &count.to_string(), "100"]).await >= count {
            return;
        }
        assert!(Instant::now() < patience, "the replicas do not come");
    }
}

async fn client(server: &Server, acks: u32) -> LockClient {
    let builder = LockClient::builder().command_deadline(3 * LIMIT);
    let builder = builder.acks(acks, LIMIT);
    builder.connect(&server.url()).await.expect("answers")
}

/// Lets no replica read what the primary sends: they are there, and silent.
async fn stop(replica: &Server) -> MultiplexedConnection {
    let mut stranger = replica.raw().await;
    let _: () = run(&mut stranger, &["REPLICAOF", "NO", "ONE"]).await;
    stranger
}

#[tokio::test]
async fn a_lock_that_replicas_know_is_taken_extended_and_given_back() {
    let (primary, replicas) = replicated(2).await;
    let client = client(&primary, 2).await;
    for fenced in [false, true] {
        let request = client.lock("a").ttl(Duration::from_secs(20));
        let request = if fenced { request.fenced() } else { request };
        let guard = request.acquire().await.expect("acknowledged");
        for replica in &replicas {
            let mut replica = replica.raw().await;
            let value: String = run(&mut replica, &["GET", "lock:a"]).await;
            assert_eq!(value, guard.token().as_str());
        }
        guard.extend().await.expect("acknowledged");
        guard.release().await.expect("ours");
    }
}

#[tokio::test]
async fn too_few_acknowledgements_give_the_lock_back_and_say_how_many() {
    let (primary, replicas) = replicated(2).await;
    let client = client(&primary, 2).await;
    stop(&replicas[0]).await;
    for fenced in [false, true] {
        let request = client.lock("a").ttl(Duration::from_secs(20));
        let request = if fenced { request.fenced() } else { request };
        let error = request.acquire().await.expect_err("one of two");
        assert!(
            matches!(&error, LockError::Backend { key: Some(key), .. } if key == "lock:a"),
            "{error}"
        );
        assert!(error.to_string().contains("1 of 2 replicas"), "{error}");
    }
    assert!(client.shutdown(Duration::from_secs(10)).await.is_empty());
    let mut stranger = primary.raw().await;
    assert_eq!(run::<usize>(&mut stranger, &["EXISTS", "lock:a"]).await, 0);
}

#[tokio::test]
async fn a_renewal_with_too_few_counts_as_unanswered_and_the_key_stays() {
    let (primary, replicas) = replicated(1).await;
    let client = client(&primary, 1).await;
    let ttl = 5 * LIMIT;
    let request = client.lock("a").ttl(ttl).renew();
    let guard = request.acquire().await.expect("acknowledged");
    let mut replica = stop(&replicas[0]).await;
    let error = guard.extend().await.expect_err("none of one");
    assert!(error.to_string().contains("0 of 1 replicas"), "{error}");
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
    assert!(!guard.remaining().is_zero());

    // Back in time: it is tried again until the deadline.
    let port = primary.port().to_string();
    let _: () = run(&mut replica, &["REPLICAOF", "127.0.0.1", &port]).await;
    let back = Instant::now();
    let deadline = back + guard.remaining();
    while Instant::now() + guard.remaining() < deadline + ttl / 10 {
        assert!(
            !guard.remaining().is_zero(),
            "lost after {:?}",
            back.elapsed()
        );
        sleep(Duration::from_millis(50)).await;
    }

    // Not back in time: the deadline stands, and nobody deletes the key before its ttl.
    stop(&replicas[0]).await;
    let stopped = Instant::now();
    guard.lost().await;
    assert!(stopped.elapsed() <= ttl + LIMIT, "{:?}", stopped.elapsed());
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
    drop(guard);
}

#[tokio::test]
async fn a_stopped_replica_costs_a_hundred_other_locks_nothing() {
    let (primary, replicas) = replicated(2).await;
    let one = client(&primary, 1).await;
    let both = client(&primary, 2).await;
    let ttl = 3 * LIMIT;
    let mut guards: Vec<LockGuard> = Vec::new();
    for n in 0..100 {
        let request = one.lock(n.to_string()).ttl(ttl).renew();
        guards.push(request.acquire().await.expect("acknowledged"));
    }
    stop(&replicas[1]).await;
    let stopped = Instant::now();
    let mut refused = 0;
    // Without a renewal none would last so long.
    while stopped.elapsed() < ttl + ttl / 2 {
        // Its WAIT lasts to its limit, in front of nothing: other commands of its client do not wait.
        let (taken, check) = tokio::join!(both.lock("both").ttl(ttl).acquire(), async {
            sleep(LIMIT / 3).await;
            let began = Instant::now();
            let checked = both.check("0", guards[0].token()).await;
            assert_eq!(checked.expect("an answer"), Ownership::Mine);
            began.elapsed()
        });
        refused += usize::from(taken.is_err());
        assert!(check < LIMIT / 2, "{check:?}");
    }
    assert!(refused > 3, "{refused}");
    for guard in guards {
        assert!(!guard.remaining().is_zero(), "{} was lost", guard.key());
        guard.release().await.expect("ours");
    }
    let mut stranger = primary.raw().await;
    let clients: String = run(&mut stranger, &["CLIENT", "LIST"]).await;
    println!(
        "{refused} refused meanwhile, {} connections",
        clients.lines().count()
    );
}

#[tokio::test]
async fn a_user_without_wait_and_a_store_without_replicas_are_told() {
    let server = Server::start(&[]);
    let mut stranger = server.raw().await;
    let rules = "on >word resetchannels -@all +set +get +del +pexpire +pttl +eval +evalsha ~lock:*";
    let words: Vec<&str> = ["ACL", "SETUSER", "worker", "reset"]
        .into_iter()
        .chain(rules.split(' '))
        .collect();
    let _: () = run(&mut stranger, &words).await;
    let url = format!("redis://worker:word@127.0.0.1:{}", server.port());
    let builder = LockClient::builder().acks(1, LIMIT / 2);
    let denied = builder.clone().connect(&url).await.expect("answers");
    let error = denied.lock("a").acquire().await.expect_err("no WAIT");
    assert!(error.to_string().contains("`+wait`"), "{error}");
    assert!(matches!(error, LockError::Backend { .. }), "{error}");
    let memory = builder.clone().store(MemoryStore::new()).expect("in range");
    let error = memory.lock("a").acquire().await.expect_err("no replicas");
    assert!(error.to_string().contains("no replicas"), "{error}");
    assert!(matches!(error, LockError::Backend { .. }), "{error}");
    for bad in [
        builder.clone().acks(0, LIMIT / 2),
        builder.acks(1, Duration::from_secs(2)),
    ] {
        let refused = bad.store(MemoryStore::new());
        assert!(
            matches!(refused, Err(LockError::InvalidOptions { .. })),
            "{refused:?}"
        );
    }
    assert!(denied.shutdown(Duration::from_secs(10)).await.is_empty());
    let left: Vec<String> = run(&mut stranger, &["KEYS", "*"]).await;
    assert!(left.is_empty(), "{left:?}");
}
