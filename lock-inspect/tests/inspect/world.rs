//! A corner of the shared server: a prefix that nobody else uses.

use std::sync::atomic::{AtomicU32, Ordering};

use lock_runtime::LockClient;
use redis::aio::MultiplexedConnection;
use tests::Server;

use crate::tool::{Said, run};

pub(crate) struct World {
    pub(crate) prefix: String,
    pub(crate) url: String,
    pub(crate) client: LockClient,
    pub(crate) raw: MultiplexedConnection,
}

impl World {
    pub(crate) async fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self::on(Server::shared(), format!("inspect-{count}:")).await
    }

    pub(crate) async fn on(server: &Server, prefix: String) -> Self {
        let url = server.url();
        let client = LockClient::builder().prefix(&*prefix).connect(&url).await;
        Self {
            client: client.expect("the server answers"),
            raw: server.raw().await,
            prefix,
            url,
        }
    }

    /// The arguments with those that lead here.
    pub(crate) fn here<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let place = ["--url", &self.url, "--prefix", &self.prefix];
        [&place, arguments].concat()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        run(&self.here(arguments))
    }

    /// What a stranger does to a key under the prefix.
    pub(crate) async fn does(&self, name: &str, key: &[u8], arguments: &[&[u8]]) {
        let key = [self.prefix.as_bytes(), key].concat();
        let mut command = redis::cmd(name);
        command.arg(key).arg(arguments);
        let done = command
            .query_async::<redis::Value>(&mut self.raw.clone())
            .await;
        done.expect("the server does it");
    }

    /// The value at a key under the prefix.
    pub(crate) async fn value(&self, key: &str) -> Option<Vec<u8>> {
        let name = format!("{}{key}", self.prefix);
        let answer = redis::cmd("GET")
            .arg(name)
            .query_async(&mut self.raw.clone())
            .await;
        answer.expect("the server answers")
    }
}
