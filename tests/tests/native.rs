//! What a server compares and changes in one command of its own, by the server's own count of commands.

use std::collections::HashMap;
use std::time::Duration;

use lock_runtime::{Holder, LockClient, LockError, LockGuard, Ownership, Release};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, cmd};
use tests::{Fault, Proxy, Server};

const LEAST: &str = "resetchannels -@all +set +get +del +pexpire +pttl +eval +evalsha ~lock:*";
const RELEASES: usize = 50;

async fn run<T: FromRedisValue>(stranger: &mut MultiplexedConnection, words: &[&str]) -> T {
    let mut command = cmd(words[0]);
    command.arg(&words[1..]);
    let answer = command.query_async(stranger).await;
    answer.unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

/// A server, a stranger on it, and what it has of its own.
struct World {
    server: Server,
    stranger: MultiplexedConnection,
}

/// How often a command ran, and how often it was refused.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    ran: usize,
    refused: usize,
}

impl World {
    async fn start(arguments: &[&str]) -> Self {
        let server = Server::start(arguments);
        let stranger = server.raw().await;
        Self { server, stranger }
    }

    /// A user with the least privileges and these.
    async fn user(&mut self, more: &str) -> String {
        let rules = format!("ACL SETUSER worker reset on >word {LEAST} {more}");
        let words: Vec<_> = rules.split_whitespace().collect();
        let _: () = run(&mut self.stranger, &words).await;
        format!("redis://worker:word@127.0.0.1:{}", self.server.port())
    }

    /// By `INFO commandstats`.
    async fn counts(&mut self) -> HashMap<String, Count> {
        let told: String = run(&mut self.stranger, &["INFO", "commandstats"]).await;
        let counted = told.lines().filter_map(|line| {
            let (name, fields) = line.strip_prefix("cmdstat_")?.split_once(':')?;
            let number = |name: &str| {
                let field = fields.split(',').find_map(|field| field.strip_prefix(name));
                field.and_then(|number| number.parse().ok()).unwrap_or(0)
            };
            let count = Count {
                ran: number("calls="),
                refused: number("rejected_calls="),
            };
            Some((name.to_uppercase(), count))
        });
        counted.collect()
    }

    async fn count(&mut self, name: &str) -> Count {
        self.counts().await.get(name).copied().unwrap_or_default()
    }
}

async fn connect(url: &str) -> LockClient {
    LockClient::connect(url).await.expect("the server answers")
}

async fn take(client: &LockClient) -> LockGuard {
    client.lock("a").acquire().await.expect("free")
}

async fn take_and_release(client: &LockClient) {
    let code = take(client).await.release().await;
    assert_eq!(code.expect("ours"), Release::Deleted);
}

#[tokio::test]
async fn each_server_is_told_to_release_in_the_words_it_has() {
    let mut world = World::start(&[]).await;
    let client = connect(&world.server.url()).await;
    for _ in 0..RELEASES {
        take_and_release(&client).await;
    }
    let counts = world.counts().await;
    let ran = |name: &str| counts.get(name).map_or(0, |count| count.ran);
    let told = ["DELEX", "DELIFEQ", "EVALSHA", "EVAL", "SET"].map(|name| (name, ran(name)));
    println!("{}: {told:?}", Server::program());
    assert_eq!(ran("SET"), RELEASES);
    if let Some(own) = Server::compare_and_delete() {
        let other = if own == "DELEX" { "DELIFEQ" } else { "DELEX" };
        // The question, and each release but the first.
        assert_eq!((ran(own), ran(other)), (RELEASES, 0));
        assert!(ran("EVALSHA") <= 1 && ran("EVAL") <= 1);
    } else {
        assert_eq!((ran("DELEX"), ran("DELIFEQ")), (0, 0));
        assert!(ran("EVALSHA") >= RELEASES);
    }
}

#[tokio::test]
async fn a_lock_that_stays_is_shortened_by_one_command() {
    let mut world = World::start(&[]).await;
    let client = connect(&world.server.url()).await;
    let hold = Duration::from_secs(10);
    for lock in 0..RELEASES {
        let lock = client.lock(format!("stays:{lock}")).min_hold(hold);
        let guard = lock.acquire().await.expect("free");
        assert_eq!(guard.release().await.expect("ours"), Release::Kept);
    }
    let counts = world.counts().await;
    let ran = |name: &str| counts.get(name).map_or(0, |count| count.ran);
    let scripts = ran("EVALSHA") + ran("EVAL");
    // Of the scripts the first is not known yet; where they are called, what they call is counted, too.
    if Server::compare_and_delete().is_some() {
        assert!(scripts <= 2 && ran("SET") == 2 * RELEASES - 1);
    } else {
        assert!(scripts <= RELEASES + 1 && ran("SET") == RELEASES);
    }
    assert_eq!(ran("DEL"), 0);
}

#[tokio::test]
async fn denied_from_the_start_the_scripts_do_it_without_an_error() {
    let Some(own) = Server::compare_and_delete_or_skip() else {
        return;
    };
    let mut world = World::start(&[]).await;
    let client = connect(&world.user("").await).await;
    for _ in 0..RELEASES {
        let guard = take(&client).await;
        guard.extend().await.expect("ours");
        assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    }
    // Asked once a connection.
    let count = world.count(own).await;
    assert_eq!(count, Count { ran: 0, refused: 1 });
    assert!(world.count("EVALSHA").await.ran >= 2 * RELEASES);
}

#[tokio::test]
async fn denied_in_mid_life_the_script_does_it_in_the_same_call() {
    let Some(own) = Server::compare_and_delete_or_skip() else {
        return;
    };
    let mut world = World::start(&[]).await;
    let client = connect(&world.user(&format!("+{own}")).await).await;
    for _ in 0..RELEASES {
        take_and_release(&client).await;
    }
    let before = (world.count(own).await, world.count("EVALSHA").await.ran);
    assert_eq!(
        before.0,
        Count {
            ran: RELEASES,
            refused: 0
        }
    );
    let denied = format!("-{own}");
    let _: () = run(&mut world.stranger, &["ACL", "SETUSER", "worker", &denied]).await;
    for _ in 0..RELEASES {
        take_and_release(&client).await;
    }
    let after = world.count(own).await;
    assert_eq!(
        after,
        Count {
            ran: RELEASES,
            refused: 1
        }
    );
    assert_eq!(world.count("EVALSHA").await.ran, before.1 + RELEASES);
    // A connection of its own finds out anew.
    let client = connect(&world.user(&format!("+{own}")).await).await;
    take_and_release(&client).await;
    take_and_release(&client).await;
    assert_eq!(world.count(own).await.ran, RELEASES + 2);
}

#[tokio::test]
async fn a_user_who_may_run_no_scripts_releases_and_extends_natively() {
    let Some(own) = Server::compare_and_delete_or_skip() else {
        return;
    };
    let mut world = World::start(&[]).await;
    let url = world.user(&format!("+{own} -eval -evalsha")).await;
    let client = connect(&url).await;
    for _ in 0..3 {
        let guard = take(&client).await;
        guard.extend().await.expect("ours");
        assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    }
    assert_eq!(world.count("EVALSHA").await, Count { ran: 0, refused: 1 });
}

#[tokio::test]
async fn a_lease_is_extended_natively_and_a_stolen_one_is_not() {
    let Some(_) = Server::compare_and_delete_or_skip() else {
        return;
    };
    let mut world = World::start(&[]).await;
    let client = connect(&world.server.url()).await;
    take_and_release(&client).await;
    let scripts = world.count("EVALSHA").await;
    let ttl = Duration::from_secs(1);
    let guard = client.lock("a").ttl(ttl).renew().acquire().await;
    let guard = guard.expect("free");
    tokio::time::sleep(ttl * 2).await;
    assert!(guard.remaining() > Duration::ZERO);
    let left: u64 = run(&mut world.stranger, &["PTTL", "lock:a"]).await;
    assert!(left <= 1_000, "{left}");
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    for thief in [
        &["SET", "lock:a", "thief"][..],
        &["DEL", "lock:a"],
        &["RPUSH", "lock:a", "1"],
    ] {
        let guard = take(&client).await;
        if thief[0] == "RPUSH" {
            let _: () = run(&mut world.stranger, &["DEL", "lock:a"]).await;
        }
        let _: () = run(&mut world.stranger, thief).await;
        let error = guard.extend().await.expect_err("stolen");
        assert!(matches!(error, LockError::Lost { .. }), "{error}");
        let _: () = run(&mut world.stranger, &["DEL", "lock:a"]).await;
    }
    assert_eq!(world.count("EVALSHA").await, scripts);
}

#[tokio::test]
async fn memory_that_is_used_up_stops_no_extension() {
    let mut world = World::start(&[]).await;
    let client = connect(&world.server.url()).await;
    take_and_release(&client).await;
    let guard = take(&client).await;
    let full = ["CONFIG", "SET", "maxmemory", "1"];
    let _: () = run(&mut world.stranger, &full).await;
    for _ in 0..3 {
        guard.extend().await.expect("PEXPIRE takes no memory");
    }
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
}

#[tokio::test]
async fn what_was_there_instead_of_our_token_is_told_apart() {
    let mut world = World::start(&[]).await;
    let client = connect(&world.server.url()).await;
    take_and_release(&client).await;
    let thefts: [(&[&str], Ownership); 3] = [
        (&["DEL", "lock:a"], Ownership::Free),
        (
            &["SET", "lock:a", "thief"],
            Ownership::Other(Holder::Foreign("thief".to_owned())),
        ),
        (
            &["RPUSH", "lock:a", "1"],
            Ownership::Other(Holder::NotALock),
        ),
    ];
    for (theft, instead) in thefts {
        let guard = take(&client).await;
        let _: () = run(&mut world.stranger, &["DEL", "lock:a"]).await;
        let _: redis::Value = run(&mut world.stranger, theft).await;
        match guard.release().await.expect_err("stolen") {
            LockError::Lost { found, .. } => assert_eq!(found, Some(instead)),
            error => panic!("{theft:?}: {error}"),
        }
        let there: usize = run(&mut world.stranger, &["DEL", "lock:a"]).await;
        assert_eq!(there, usize::from(theft[0] != "DEL"), "left alone");
    }
}

#[tokio::test]
async fn a_zero_whose_check_stays_out_is_never_a_release() {
    let Some(own) = Server::compare_and_delete_or_skip() else {
        return;
    };
    let mut world = World::start(&[]).await;
    let proxy = Proxy::start(world.server.port()).await;
    let builder = LockClient::builder().command_deadline(Duration::from_secs(2));
    for fault in [
        Fault::SwallowReply,
        Fault::Reset,
        Fault::Replace(b":1\r\n".to_vec()),
    ] {
        let client = builder
            .clone()
            .connect(&proxy.url())
            .await
            .expect("answers");
        take_and_release(&client).await;
        let guard = take(&client).await;
        let _: () = run(&mut world.stranger, &["DEL", "lock:a"]).await;
        let (met, asked) = (proxy.met(), proxy.count(own));
        proxy.plan("GET", fault.clone());
        let error = guard.release().await.expect_err("the answer was 0");
        assert!(
            matches!(error, LockError::Lost { .. }),
            "{fault:?}: {error}"
        );
        assert_eq!((proxy.met(), proxy.count(own)), (met + 1, asked + 1));
    }
}
