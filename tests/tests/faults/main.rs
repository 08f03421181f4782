//! What can go wrong with servers, networks and processes: a real server, and real faults.

mod answers;
mod bad_input;
mod cancelled;
mod endings;
mod eviction;
mod fences;
mod network;
mod paused;
mod privileges;
mod processes;
mod refusals;
mod replicas;
mod restarts;
mod restarts_under_load;
mod unready;
mod waiters;

use std::time::Duration;

use lock_runtime::LockClient;
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, cmd};
pub(crate) use tests::until;
use tests::{Proxy, Server};

/// Whether the long forms of the tests were asked for, whose figures are worth printing.
pub(crate) fn long() -> bool {
    std::env::var_os("LOCK_TEST_LONG").is_some()
}

/// A client with a command deadline of its own; a single command is given a quarter of it.
pub(crate) async fn connect(url: &str, command_deadline: Duration) -> LockClient {
    let builder = LockClient::builder().command_deadline(command_deadline);
    builder.connect(url).await.expect("the server answers")
}

/// A server of one's own, a network to it, and a client behind that.
pub(crate) async fn world(command_deadline: Duration) -> (Server, Proxy, LockClient) {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port()).await;
    let client = connect(&proxy.url(), command_deadline).await;
    (server, proxy, client)
}

/// What a stranger does on a server.
pub(crate) async fn run<T: FromRedisValue>(
    stranger: &mut MultiplexedConnection,
    words: &[&str],
) -> T {
    let mut command = cmd(words[0]);
    command.arg(&words[1..]);
    let answer = command.query_async(stranger).await;
    answer.unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

/// How many keys there are.
pub(crate) async fn keys(server: &Server) -> usize {
    run(&mut server.raw().await, &["DBSIZE"]).await
}

/// Waits until no key is left, for at most `within`.
pub(crate) async fn until_empty(server: &Server, within: Duration) -> Duration {
    let mut stranger = server.raw().await;
    until(within, async || {
        run::<usize>(&mut stranger, &["DBSIZE"]).await == 0
    })
    .await
}

/// Gives back and drains: nothing may be left to a ttl.
pub(crate) async fn drain(client: &LockClient) {
    let rest = client.shutdown(Duration::from_secs(20)).await;
    assert!(rest.is_empty(), "{rest:?}");
}
