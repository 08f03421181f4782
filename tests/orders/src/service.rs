//! A service that runs, and its clients.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use shop::Orders;
use tests::http::{Answer, answer, getting, posting, send};
use tests::{Ended, Program, Server};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For whatever has to happen. Far shorter than the ttl of an order's lock: a key that has gone by then was
/// given back.
const PATIENCE: Duration = Duration::from_secs(5);

/// A service with a server for its locks and a file for its orders.
#[derive(Debug)]
pub struct Service {
    program: Program,
    /// Where it listens.
    pub port: u16,
    redis: Arc<Server>,
    database: PathBuf,
}

impl Service {
    /// Starts the program, with further arguments.
    ///
    /// # Panics
    ///
    /// If it does not come to listen.
    pub async fn start(program: &str, arguments: &[&str]) -> Self {
        let folder = Server::folder();
        let database = folder.join("orders.db");
        let redis = Arc::new(Server::start_in(Some(folder), &[]));
        Self::with(program, arguments, redis, database).await
    }

    /// Another instance, with the same locks and orders.
    ///
    /// # Panics
    ///
    /// As [`Service::start`].
    pub async fn beside(&self, program: &str, arguments: &[&str]) -> Self {
        let (redis, database) = (self.redis.clone(), self.database.clone());
        Self::with(program, arguments, redis, database).await
    }

    async fn with(
        program: &str,
        arguments: &[&str],
        redis: Arc<Server>,
        database: PathBuf,
    ) -> Self {
        let url = format!("REDIS_URL={}", redis.url());
        let file = database.to_string_lossy().into_owned();
        let mut words = vec!["env", &url, program, "--listen", "127.0.0.1:0"];
        words.extend(["--database", &file]);
        words.extend(arguments);
        let mut program = Program::start(&words);
        let port = program.port().await;
        Self {
            program,
            port,
            redis,
            database,
        }
    }

    /// Sends an order whose answer nobody has read yet. `user` stands in the path as it is.
    pub async fn send(&self, user: &str, cart: &str) -> TcpStream {
        send(self.port, &ordering(user, cart)).await
    }

    /// Sends an order, and waits for its answer.
    pub async fn order(&self, user: &str, cart: &str) -> Answer {
        answer(self.send(user, cart).await).await
    }

    /// Looks at the board.
    ///
    /// # Panics
    ///
    /// If nobody listens.
    pub async fn watch(&self) -> Watcher {
        Watcher {
            stream: send(self.port, &getting("/events")).await,
            read: String::new(),
        }
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.program.terminate();
    }

    /// The server of its locks.
    #[must_use]
    pub fn locks(&self) -> &Server {
        &self.redis
    }

    /// Waits until it has ended; its locks and orders stay.
    pub async fn ended(self) -> (Ended, Remains) {
        let ended = self.program.ended().await;
        let (redis, database) = (self.redis, self.database);
        (ended, Remains { redis, database })
    }

    /// What is to be seen without the service.
    #[must_use]
    pub fn remains(&self) -> Remains {
        Remains {
            redis: self.redis.clone(),
            database: self.database.clone(),
        }
    }
}

/// The whole request for an order.
pub(crate) fn ordering(user: &str, cart: &str) -> String {
    let form = format!("cart={cart}");
    posting(&format!("/users/{user}/orders"), form.len()) + &form
}

/// Locks and orders, as somebody else sees them.
#[derive(Debug)]
pub struct Remains {
    redis: Arc<Server>,
    database: PathBuf,
}

impl Remains {
    /// All keys on the server, in order.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    pub async fn keys(&self) -> Vec<String> {
        self.redis.keys().await
    }

    /// What stands at a key.
    ///
    /// # Panics
    ///
    /// If that is nothing.
    pub async fn value(&self, key: &str) -> String {
        let mut raw = self.redis.raw().await;
        let value = redis::cmd("GET").arg(key).query_async(&mut raw).await;
        value.expect("a lock")
    }

    /// Waits until the keys on the server are as `wanted`.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn until_keys(&self, wanted: impl Fn(&[String]) -> bool) {
        self.redis.until_keys(PATIENCE, wanted).await;
    }

    /// The orders.
    ///
    /// # Panics
    ///
    /// If they cannot be read.
    #[must_use]
    pub fn orders(&self) -> Orders {
        Orders::open(Some(&self.database)).expect("the service made it")
    }
}

/// Somebody who looks at the board.
#[derive(Debug)]
pub struct Watcher {
    stream: TcpStream,
    read: String,
}

impl Watcher {
    /// What is shown next; `None` if the stream has ended.
    ///
    /// # Panics
    ///
    /// If it stands still, or shows something else.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((before, after)) = self.read.split_once("\n\n") {
                let data = before.split_once("data: ").map(|(_, data)| data.to_owned());
                self.read = after.into();
                let Some(data) = data else { continue };
                return Some(serde_json::from_str(&data).expect("JSON"));
            }
            let mut bytes = [0; 4096];
            let read = timeout(PATIENCE, self.stream.read(&mut bytes)).await;
            let read = read.expect("news in time").expect("a stream");
            if read == 0 {
                return None;
            }
            self.read += &String::from_utf8_lossy(&bytes[..read]);
        }
    }

    /// Waits until what is shown is as `wanted`, and gives that.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                let shown = self.next().await.expect("the service goes on");
                if wanted(&shown) {
                    return shown;
                }
            }
        };
        timeout(PATIENCE, found).await.expect("soon")
    }
}
