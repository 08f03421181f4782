use std::time::Duration;

use lock_runtime::{LockClient, LockClientBuilder, LockGuard};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, cmd};
pub(crate) use tests::until;
use tests::{Server, connection};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Far less than the pause between two polls of a head that is told of changes: what came within was no
/// poll.
pub(crate) const SOON: Duration = Duration::from_millis(700);

/// The lock that all wait for, its key, and that of its line.
pub(crate) const NAME: &str = "order:42";
pub(crate) const KEY: &str = "lock:order:42";
pub(crate) const LINE: &str = "lock:line:{lock:order:42}";

/// A server, and somebody who looks at it.
pub(crate) struct World {
    pub(crate) server: Server,
    observer: MultiplexedConnection,
}

/// One who stands in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) address: String,
    pub(crate) token: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::on(Server::start(&[])).await
    }

    pub(crate) async fn on(server: Server) -> Self {
        let observer = server.raw().await;
        Self { server, observer }
    }

    pub(crate) async fn run<T: FromRedisValue>(&self, words: &[&str]) -> T {
        run(&mut self.observer.clone(), words).await
    }

    /// A user's URL; by its name a trace shows who did what.
    pub(crate) async fn user(&self, name: &str, rules: &str) -> String {
        let set = format!("ACL SETUSER {name} reset on >word {rules}");
        let _: () = self.run(&set.split_whitespace().collect::<Vec<_>>()).await;
        format!("redis://{name}:word@127.0.0.1:{}", self.server.port())
    }

    /// The URL of a user who may do everything.
    pub(crate) async fn member(&self, name: &str) -> String {
        self.user(name, "+@all ~* &*").await
    }

    /// A client of a user's own that has waited, handed over and given back before: the scripts are known,
    /// and the connections there.
    pub(crate) async fn client(&self, name: &str) -> LockClient {
        let client = connect(&self.member(name).await).await;
        let key = format!("lock:warm:{name}");
        let _: () = self.run(&["SET", &key, "another's", "PX", "30"]).await;
        let request = || client.lock(&key["lock:".len()..]).wait(LONG).acquire();
        let held = request().await.expect("expired");
        // In this order: it is there when the lock is given back.
        let (next, released) = tokio::join!(request(), held.release());
        released.expect("ours");
        next.expect("its turn").release().await.expect("ours");
        client
    }

    /// A stranger's connection.
    pub(crate) async fn stranger(&self) -> MultiplexedConnection {
        connection(&self.member("stranger").await).await
    }

    /// Those in line, in their order.
    pub(crate) async fn line(&self) -> Vec<Entry> {
        let entries: Vec<String> = self.run(&["ZRANGE", LINE, "0", "-1"]).await;
        let parsed = entries.iter().map(|entry| {
            let mut parts = entry.splitn(3, ':').skip(1);
            let length: usize = parts.next().and_then(|n| n.parse().ok()).expect("a length");
            let (address, token) = parts.next().expect("the rest").split_at(length);
            Entry {
                address: address.to_owned(),
                token: token.to_owned(),
            }
        });
        parsed.collect()
    }

    /// Waits until so many stand in line.
    pub(crate) async fn until_in_line(&self, count: usize) -> Vec<Entry> {
        until(LONG, async || self.line().await.len() == count).await;
        self.line().await
    }

    /// Waits until no key is left.
    pub(crate) async fn until_empty(&self) {
        until(LONG, async || self.run::<usize>(&["DBSIZE"]).await == 0).await;
    }

    /// How often a command ran, however it was called.
    pub(crate) async fn ran(&self, command: &str) -> usize {
        let told: String = self.run(&["INFO", "commandstats"]).await;
        let start = format!("cmdstat_{command}:calls=");
        let line = told.lines().find_map(|line| line.strip_prefix(&start));
        let calls = line.and_then(|rest| rest.split(',').next());
        calls.map_or(0, |calls| calls.parse().expect("a number"))
    }
}

pub(crate) async fn run<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    words: &[&str],
) -> T {
    let mut command = cmd(words[0]);
    command.arg(&words[1..]);
    let answer = command.query_async(connection).await;
    answer.unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

pub(crate) fn settings() -> LockClientBuilder {
    LockClient::builder().command_deadline(5 * SECOND)
}

pub(crate) async fn connect(url: &str) -> LockClient {
    settings().connect(url).await.expect("the server answers")
}

pub(crate) async fn take(client: &LockClient, key: &str) -> LockGuard {
    client.lock(key).acquire().await.expect("free")
}

/// Gives back and drains: nothing may be left to a ttl.
pub(crate) async fn drain(client: &LockClient) {
    let rest = client.shutdown(LONG).await;
    assert!(rest.is_empty(), "{rest:?}");
}
