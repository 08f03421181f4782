//! Servers that refuse: out of memory, users without a permission, keys that users chose.

use std::collections::HashMap;
use std::time::Duration;

use lock_runtime::{AcquireForm, LockClient, LockError, Ownership, Release, distributed_lock};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, cmd};
use tests::Server;
use tokio::time::Instant;

const FORMS: [AcquireForm; 2] = [AcquireForm::Set, AcquireForm::Script];
/// What the README tells users to grant.
const LEAST: &str = "resetchannels -@all +set +get +del +pexpire +pttl +eval +evalsha ~lock:*";

async fn run<T: FromRedisValue>(stranger: &mut MultiplexedConnection, words: &[&str]) -> T {
    let mut command = cmd(words[0]);
    command.arg(&words[1..]);
    let answer = command.query_async(stranger).await;
    answer.expect("the server obeys")
}

#[tokio::test]
async fn out_of_memory_refuses_new_locks_and_gives_back_old_ones() {
    let server = Server::start(&[]);
    let mut stranger = server.raw().await;
    for form in FORMS {
        let client = LockClient::builder()
            .form(form)
            .connect(&server.url())
            .await
            .expect("answers");
        let guard = client.lock("held").acquire().await.expect("free");
        let _: () = run(&mut stranger, &["CONFIG", "SET", "maxmemory", "1"]).await;
        let error = client.lock("new").acquire().await.expect_err("no memory");
        assert!(
            matches!(&error, LockError::Backend { key: Some(key), .. } if key == "lock:new"),
            "{error}"
        );
        assert!(error.to_string().contains("out of memory"), "{error}");
        assert!(error.to_string().contains("maxmemory"), "{error}");
        guard.extend().await.expect("an extension needs no memory");
        assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
        assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
        let _: () = run(&mut stranger, &["CONFIG", "SET", "maxmemory", "0"]).await;
        assert_eq!(run::<usize>(&mut stranger, &["DBSIZE"]).await, 0);
    }
}

async fn user(stranger: &mut MultiplexedConnection, server: &Server, rules: &str) -> String {
    let mut words = vec!["ACL", "SETUSER", "worker", "reset", "on", ">word"];
    words.extend(rules.split(' '));
    let _: () = run(stranger, &words).await;
    format!("redis://worker:word@127.0.0.1:{}", server.port())
}

/// For waiting in line, and being told.
const LINE: &str =
    "+zadd +zrange +zrem +zcard +publish +subscribe +hello +ping +client|tracking &lock:turn:*";

#[tokio::test]
async fn a_user_with_the_least_privileges_can_do_everything() {
    assert!(include_str!("../../README.md").contains(LEAST));
    let server = Server::start(&[]);
    do_everything(&server, "").await;
}

#[tokio::test]
async fn a_user_who_may_stand_in_line_is_denied_nothing_that_it_misses() {
    assert!(include_str!("../../README.md").contains(LINE));
    let server = Server::start(&[]);
    do_everything(&server, &format!(" {LINE}")).await;
    let mut stranger = server.raw().await;
    let log: Vec<HashMap<String, redis::Value>> = run(&mut stranger, &["ACL", "LOG"]).await;
    // Introducing itself, asking for the eviction policy and what a server has of its own are denied
    // and missed by nobody.
    let told = |object: &redis::Value| match object {
        redis::Value::BulkString(object) => String::from_utf8_lossy(object).into_owned(),
        other => format!("{other:?}"),
    };
    let denied: Vec<String> = log.iter().map(|entry| told(&entry["object"])).collect();
    let own = Server::compare_and_delete().unwrap_or_default();
    let optional = ["client|setinfo", "config|get", &own.to_lowercase()];
    let optional = |object: &String| optional.contains(&object.as_str());
    assert!(denied.iter().all(optional), "{denied:?}");
}

async fn do_everything(server: &Server, rules: &str) {
    let mut stranger = server.raw().await;
    for form in FORMS {
        let more = match form {
            AcquireForm::Set => "",
            AcquireForm::Script => " +setnx",
        };
        let rules = format!("{LEAST}{more}{rules}");
        let url = user(&mut stranger, server, &rules).await;
        let builder = LockClient::builder().form(form);
        let client = builder.clone().connect(&url).await.expect("answers");
        let other = builder.connect(&url).await.expect("answers");
        let request = client.lock("a").ttl(Duration::from_secs(3)).renew();
        let guard = request.acquire().await.expect("free");
        assert!(matches!(
            other.lock("a").acquire().await,
            Err(LockError::Busy { .. })
        ));
        let deadline = Instant::now() + guard.remaining();
        while Instant::now() + guard.remaining() < deadline + Duration::from_millis(100) {
            assert!(!guard.remaining().is_zero(), "it is not renewed");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        guard.extend().await.expect("still ours");
        assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
        let waiter = tokio::spawn(other.lock("a").wait(Duration::from_secs(10)).acquire());
        tokio::time::sleep(Duration::from_millis(30)).await;
        guard.release().await.expect("ours");
        let guard = waiter.await.expect("no panic").expect("freed");
        assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    }
}

#[tokio::test]
async fn a_missing_permission_is_told() {
    let server = Server::start(&[]);
    let mut stranger = server.raw().await;
    for (rules, form) in [
        (LEAST.replace(" +set", ""), AcquireForm::Set),
        (LEAST.replace("~lock:*", "~other:*"), AcquireForm::Set),
        (LEAST.replace(" +evalsha", ""), AcquireForm::Script),
        // Inside a script: the SETNX is what the list lacks, then the expiry.
        (LEAST.to_owned(), AcquireForm::Script),
        (LEAST.replace(" +pexpire", " +setnx"), AcquireForm::Script),
    ] {
        let url = user(&mut stranger, &server, &rules).await;
        let builder = LockClient::builder().form(form);
        let acquired = match builder.connect(&url).await {
            Ok(client) => client.lock("a").acquire().await.map(drop),
            Err(error) => {
                let server = format!("at redis://127.0.0.1:{}: NOPERM", server.port());
                assert!(error.to_string().contains(&server), "{error}");
                Err(error)
            }
        };
        let error = acquired.expect_err("not permitted");
        assert!(matches!(&error, LockError::Backend { .. }), "{error}");
        println!("{error}");
        assert!(error.to_string().contains("+set +get +del"), "{error}");
    }
    assert_eq!(run::<usize>(&mut stranger, &["DBSIZE"]).await, 0);
}

#[tokio::test]
async fn a_release_that_is_not_permitted_leaves_the_lock_to_its_ttl() {
    let server = Server::start(&[]);
    let mut stranger = server.raw().await;
    let rules = LEAST.replace(" +eval +evalsha", "");
    let url = user(&mut stranger, &server, &rules).await;
    let client = LockClient::connect(&url).await.expect("answers");
    let request = client.lock("a").ttl(Duration::from_secs(1));
    let guard = request.acquire().await.expect("free");
    let error = guard.release().await.expect_err("not permitted");
    assert!(matches!(&error, LockError::Backend { .. }), "{error}");
    assert!(client.shutdown(Duration::from_secs(10)).await.is_empty());
    assert_eq!(run::<usize>(&mut stranger, &["DBSIZE"]).await, 0);
}

#[distributed_lock(key = "order:<user>:<item>", ttl = 10, guard = lock)]
async fn order(user: &str, item: &str) -> Result<String, LockError> {
    Ok(lock.key().to_owned())
}

#[tokio::test]
async fn hostile_values_neither_forge_a_key_nor_choose_a_slot() {
    // Only a Cluster node tells slots; one without any serves no keys, so the calls go elsewhere.
    let node = node();
    let mut node = node.raw().await;
    let client = LockClient::connect(&Server::shared().url())
        .await
        .expect("answers");
    let hostile = [
        "{}",
        "{a}",
        "}{",
        "a:b",
        "a",
        "b",
        "%3A",
        "%",
        "\r\n",
        "\0",
        "{a}:b",
        "é",
        "\u{1f600}",
        "*1\r\n$4\r\nQUIT\r\n",
        "a b",
        "'",
        "\"",
        "\\",
        "lock:order:a:b",
        "fence:x",
        "<user>",
        "-",
    ];
    let mut keys = std::collections::HashSet::new();
    for user in hostile {
        for item in hostile {
            let key = client.scope(order(user, item)).await.expect("free");
            let slot: u64 = run(&mut node, &["CLUSTER", "KEYSLOT", &key]).await;
            // The slot of the whole key: nothing in it is taken for a hash tag.
            let whole = format!("{{{key}}}");
            let expected: u64 = run(&mut node, &["CLUSTER", "KEYSLOT", &whole]).await;
            assert_eq!(slot, expected, "{key}");
            assert!(keys.insert(key.clone()), "two values share {key}");
        }
    }
    for (user, item) in [("", "a"), ("a", ""), (&"x".repeat(600), "a")] {
        let refused = client.scope(order(user, item)).await;
        assert!(
            matches!(&refused, Err(LockError::InvalidKey { .. })),
            "{refused:?}"
        );
    }
}

/// A Cluster node writes its notes to a file of its own.
/// A node of a Cluster, which keeps its file and its second port to itself.
fn node() -> Server {
    let bus = Server::free_port().to_string();
    let arguments = ["--cluster-enabled", "yes", "--cluster-port", &bus];
    Server::start_in(Some(Server::folder()), &arguments)
}

#[tokio::test]
async fn a_cluster_node_is_told_apart() {
    let server = node();
    let refused = LockClient::builder()
        .connect_timeout(Duration::from_millis(500))
        .connect(&server.url())
        .await;
    let error = refused.expect_err("serves no slots");
    assert!(matches!(&error, LockError::Backend { .. }), "{error}");
    println!("{error}");
}

#[tokio::test]
async fn a_key_that_expires_beyond_all_clocks_is_waited_for_like_any_other() {
    let server = Server::start(&[]);
    let mut stranger = server.raw().await;
    let client = LockClient::connect(&server.url()).await.expect("answers");
    for ttl in [&["PX", "9000000000000000000"][..], &[]] {
        let words = [&["SET", "lock:a", "stranger"], ttl].concat();
        let _: () = run(&mut stranger, &words).await;
        let request = client.lock("a").wait(Duration::from_millis(100));
        let error = request.acquire().await.expect_err("a stranger's");
        assert!(matches!(error, LockError::WaitTimeout { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_key_that_reads_like_an_error_is_not_taken_for_one() {
    let own = Server::compare_and_delete().map(|own| ["--rename-command", own, ""]);
    let own = own.iter().flatten().copied();
    let arguments: Vec<_> = ["--rename-command", "EVALSHA", ""]
        .into_iter()
        .chain(own)
        .collect();
    let server = Server::start(&arguments);
    let client = LockClient::connect(&server.url()).await.expect("answers");
    for key in ["OOM", "WRONGTYPE", "can't run this command", "syntax error"] {
        let guard = client.lock(key).acquire().await.expect("free");
        let error = guard.release().await.expect_err("no EVALSHA").to_string();
        assert!(error.contains("unknown command 'EVALSHA'"), "{error}");
        assert!(error.contains("the server refused the command"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_busy_with_a_script_is_told_as_that() {
    let server = Server::start(&["--busy-reply-threshold", "50"]);
    let builder = LockClient::builder().command_deadline(Duration::from_secs(2));
    let client = builder.connect(&server.url()).await.expect("answers");
    let mut stranger = server.raw().await;
    let mut blocking = server.raw().await;
    tokio::spawn(async move {
        let script = "while true do end";
        let _: Result<(), _> = cmd("EVAL")
            .arg(script)
            .arg(0)
            .query_async(&mut blocking)
            .await;
    });
    while cmd("GET").arg("a").exec_async(&mut stranger).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let error = client.lock("a").acquire().await.expect_err("busy");
    let _: () = run(&mut stranger, &["SCRIPT", "KILL"]).await;
    // The deadline may come between the last SET and its answer.
    assert!(
        matches!(
            error,
            LockError::Backend { .. } | LockError::Indeterminate { .. }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("SCRIPT KILL"), "{error}");
}

async fn in_line(stranger: &mut MultiplexedConnection) -> usize {
    run(stranger, &["ZCARD", "lock:line:{lock:a}"]).await
}

#[tokio::test]
async fn who_may_not_leave_a_line_joins_none_and_passes_nothing_on() {
    let server = Server::start(&[]);
    let mut stranger = server.raw().await;
    let url = user(&mut stranger, &server, "~* allchannels +@all -zrem").await;
    let may_not = LockClient::connect(&url).await.expect("answers");
    let may = LockClient::connect(&server.url()).await.expect("answers");
    let wait = |client: &LockClient| {
        let waiting = client.lock("a").wait(Duration::from_secs(20)).acquire();
        tokio::spawn(waiting)
    };
    let guard = may_not.lock("a").acquire().await.expect("free");
    let waiter = wait(&may);
    while in_line(&mut stranger).await == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    guard.release().await.expect("ours");
    let guard = waiter.await.expect("no panic").expect("freed");
    // Served by news that left it in line, it would take old news for news of its next turn.
    assert_eq!(in_line(&mut stranger).await, 0);
    let waiter = wait(&may_not);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(in_line(&mut stranger).await, 0);
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
    let guard = waiter.await.expect("no panic").expect("freed");
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
}

#[tokio::test]
async fn a_lock_passed_to_who_lost_the_line_is_extended_before_it_counts() {
    let server = Server::start(&[]);
    let mut stranger = server.raw().await;
    let holder = LockClient::connect(&server.url()).await.expect("answers");
    let url = user(&mut stranger, &server, "~* allchannels +@all").await;
    let other = LockClient::connect(&url).await.expect("answers");
    let guard = holder.lock("a").acquire().await.expect("free");
    let waiting = other.lock("a").wait(Duration::from_secs(20)).acquire();
    let waiter = tokio::spawn(waiting);
    while in_line(&mut stranger).await == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // It looks at the key, to be told of its changes.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let _: () = run(&mut stranger, &["ACL", "SETUSER", "worker", "-zadd"]).await;
    let _: () = run(&mut stranger, &["PEXPIRE", "lock:a", "9000"]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    guard.release().await.expect("ours");
    let guard = waiter.await.expect("no panic").expect("freed");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
}
