//! Servers that will serve in a moment: LOADING, BUSY, CLUSTERDOWN, MASTERDOWN, TRYAGAIN.

use std::time::Duration;

use lock_runtime::{LockClient, Release};
use redis::aio::MultiplexedConnection;
use redis::cmd;
use tests::{Fault, Server, connection};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::{connect, drain, run, until, world};

const COMMAND_DEADLINE: Duration = Duration::from_secs(8);

async fn use_it(client: &LockClient) {
    let guard = client.lock("a").acquire().await.expect("served in the end");
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
}

/// The error code that a command meets, if it meets one.
async fn code(stranger: &mut MultiplexedConnection, words: &[&str]) -> Option<String> {
    let answer: redis::RedisResult<redis::Value> =
        cmd(words[0]).arg(&words[1..]).query_async(stranger).await;
    answer.err()?.code().map(str::to_owned)
}

#[tokio::test]
async fn a_server_that_loads_its_data_is_waited_for() {
    // It would load for twenty seconds, and now and then answers meanwhile.
    let server = Server::start_in(
        Some(Server::folder()),
        &[
            "--key-load-delay",
            "1000",
            "--loading-process-events-interval-bytes",
            "1024",
        ],
    );
    let mut stranger = server.raw().await;
    let fill = "for n = 1, 20000 do redis.call('SET', 'other:' .. n, n) end";
    let _: () = run(&mut stranger, &["EVAL", fill, "0"]).await;
    let _: () = run(&mut stranger, &["SAVE"]).await;
    let client = connect(&server.url(), COMMAND_DEADLINE).await;
    use_it(&client).await;
    // Until somebody has waited for it for a while.
    let loading = async || {
        server.restart_only();
        let url = server.url();
        until(Duration::from_secs(20), async || {
            TcpStream::connect(("127.0.0.1", server.port()))
                .await
                .is_ok()
        })
        .await;
        let mut stranger = connection(&url).await;
        let loads = code(&mut stranger, &["GET", "a"]).await;
        assert_eq!(loads.as_deref(), Some("LOADING"));
        stranger
    };
    let no_longer = async |mut stranger: MultiplexedConnection| {
        sleep(Duration::from_millis(300)).await;
        let _: () = run(&mut stranger, &["CONFIG", "SET", "key-load-delay", "0"]).await;
    };
    let stranger = loading().await;
    tokio::join!(use_it(&client), no_longer(stranger));
    let stranger = loading().await;
    let url = server.url();
    let (fresh, ()) = tokio::join!(connect(&url, COMMAND_DEADLINE), no_longer(stranger));
    use_it(&fresh).await;
    for client in [client, fresh] {
        drain(&client).await;
    }
}

#[tokio::test]
async fn a_server_that_is_busy_with_a_script_is_waited_for() {
    let server = Server::start(&["--busy-reply-threshold", "100"]);
    let client = connect(&server.url(), COMMAND_DEADLINE).await;
    use_it(&client).await;
    let guard = client.lock("held").acquire().await.expect("free");
    let mut blocking = server.raw().await;
    let blocked =
        tokio::spawn(async move { code(&mut blocking, &["EVAL", "while true do end", "0"]).await });
    let mut stranger = server.raw().await;
    until(Duration::from_secs(5), async || {
        code(&mut stranger, &["GET", "a"]).await.as_deref() == Some("BUSY")
    })
    .await;
    let asked = Instant::now();
    let (acquired, released, ()) =
        tokio::join!(client.lock("a").acquire(), guard.release(), async {
            sleep(Duration::from_millis(400)).await;
            let _: () = run(&mut stranger, &["SCRIPT", "KILL"]).await;
        });
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(released.expect("it was ours"), Release::Deleted);
    acquired.expect("free").release().await.expect("ours");
    blocked.await.expect("no panic");
    drain(&client).await;
}

#[tokio::test]
async fn a_cluster_that_is_down_is_waited_for() {
    let folder = Server::folder();
    let bus = Server::free_port().to_string();
    let server = Server::start_in(
        Some(folder),
        &["--cluster-enabled", "yes", "--cluster-port", &bus],
    );
    let mut stranger = server.raw().await;
    // It has no slots yet.
    assert_eq!(
        code(&mut stranger, &["GET", "lock:a"]).await.as_deref(),
        Some("CLUSTERDOWN")
    );
    let url = server.url();
    let (client, ()) = tokio::join!(connect(&url, COMMAND_DEADLINE), async {
        sleep(Duration::from_millis(200)).await;
        let slots = ["CLUSTER", "ADDSLOTSRANGE", "0", "16383"];
        let _: () = run(&mut stranger, &slots).await;
    });
    use_it(&client).await;
    let _: () = run(&mut stranger, &["CLUSTER", "DELSLOTSRANGE", "0", "16383"]).await;
    let mut other = server.raw().await;
    let ((), ()) = tokio::join!(use_it(&client), async {
        sleep(Duration::from_millis(200)).await;
        let slots = ["CLUSTER", "ADDSLOTSRANGE", "0", "16383"];
        let _: () = run(&mut other, &slots).await;
    });
    drain(&client).await;
}

#[tokio::test]
async fn a_replica_without_its_primary_is_waited_for() {
    let server = Server::start_in(
        Some(Server::folder()),
        &["--replica-serve-stale-data", "no"],
    );
    let client = connect(&server.url(), COMMAND_DEADLINE).await;
    use_it(&client).await;
    let mut stranger = server.raw().await;
    let nobody = Server::free_port().to_string();
    let _: () = run(&mut stranger, &["REPLICAOF", "127.0.0.1", &nobody]).await;
    assert_eq!(
        code(&mut stranger, &["GET", "lock:a"]).await.as_deref(),
        Some("MASTERDOWN")
    );
    let ((), ()) = tokio::join!(use_it(&client), async {
        sleep(Duration::from_millis(300)).await;
        let _: () = run(&mut stranger, &["REPLICAOF", "NO", "ONE"]).await;
    });
    drain(&client).await;
}

#[tokio::test]
async fn a_server_that_says_not_now_is_asked_again_until_the_command_deadline() {
    let (server, proxy, client) = world(Duration::from_secs(2)).await;
    use_it(&client).await;
    for answer in [
        "-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-BUSY Redis is busy running a script\r\n",
        "-CLUSTERDOWN The cluster is down\r\n",
        "-MASTERDOWN Link with MASTER is down\r\n",
    ] {
        let fault = Fault::Replace(answer.as_bytes().to_vec());
        for _ in 0..3 {
            // The server has taken the lock all the same: the fourth answer shows our own token.
            proxy.plan("SET", fault.clone());
        }
        use_it(&client).await;
        proxy.always("SET", fault);
        let asked = Instant::now();
        let error = client.lock("b").acquire().await.expect_err("never ready");
        assert!(
            asked.elapsed() < Duration::from_secs(4),
            "{:?}",
            asked.elapsed()
        );
        let told = error.to_string();
        assert!(told.contains("`lock:b`"), "{told}");
        assert!(told.contains(&answer[1..6]), "{told}");
        proxy.heal();
        // A server that says so has not run the command; this one has.
        let _: () = run(&mut server.raw().await, &["DEL", "lock:b"]).await;
    }
}
