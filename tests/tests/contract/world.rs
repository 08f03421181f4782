use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lock_runtime::testing::LockDouble;
use lock_runtime::{
    AcquireForm, LockClient, LockError, LockGuard, LockRequest, MemoryStore, Stored,
};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, cmd};
use tests::Server;
use tokio::time::{Instant, sleep};

/// How long a lock that is passed on lasts on a server until it is extended. Not the usual 200 ms, which a
/// machine with much to do may need for that.
pub(crate) const CLAIM: Duration = Duration::from_secs(1);

/// Three clients of one store, and a stranger with access to it.
pub(crate) struct World {
    pub(crate) client: LockClient,
    pub(crate) other: LockClient,
    pub(crate) third: LockClient,
    pub(crate) prefix: String,
    fenced: bool,
    stranger: Stranger,
}

enum Stranger {
    Memory(MemoryStore),
    Redis(MultiplexedConnection),
}

impl World {
    pub(crate) fn memory() -> Self {
        let store = MemoryStore::new();
        let client = || {
            LockClient::builder()
                .store(store.clone())
                .expect("default settings")
        };
        Self {
            client: client(),
            other: client(),
            third: client(),
            prefix: "lock:".to_owned(),
            fenced: false,
            stranger: Stranger::Memory(store.clone()),
        }
    }

    /// A test double that was told nothing, but to be no faster than a server.
    pub(crate) fn double() -> Self {
        let double = LockDouble::new();
        double.slow(Duration::from_millis(1));
        let another = || {
            let client = LockClient::builder().store(double.clone());
            client.expect("default settings")
        };
        Self {
            client: double.client(),
            other: another(),
            third: another(),
            prefix: "lock:".to_owned(),
            fenced: false,
            stranger: Stranger::Memory(double.memory()),
        }
    }

    /// The same where every lock is a fenced one.
    pub(crate) fn fenced(self) -> Self {
        Self {
            fenced: true,
            ..self
        }
    }

    pub(crate) async fn redis(form: AcquireForm) -> Self {
        static WORLDS: AtomicU32 = AtomicU32::new(0);
        let server = Server::shared();
        let prefix = format!("lock:{}:", WORLDS.fetch_add(1, Ordering::Relaxed));
        let client = async || {
            let builder = LockClient::builder().prefix(&prefix).form(form);
            builder
                .claim(CLAIM)
                .connect(&server.url())
                .await
                .expect("the server answers")
        };
        Self {
            client: client().await,
            other: client().await,
            third: client().await,
            prefix,
            fenced: false,
            stranger: Stranger::Redis(server.raw().await),
        }
    }

    pub(crate) fn lock(&self, key: &str) -> LockRequest {
        self.ask(&self.client, key)
    }

    pub(crate) async fn take(&self, key: &str) -> LockGuard {
        let taken = self.lock(key).acquire().await;
        taken.expect("the lock is free")
    }

    /// A request of the other client.
    pub(crate) fn others(&self, key: &str) -> LockRequest {
        self.ask(&self.other, key)
    }

    /// A request of the third one.
    pub(crate) fn thirds(&self, key: &str) -> LockRequest {
        self.ask(&self.third, key)
    }

    fn ask(&self, client: &LockClient, key: &str) -> LockRequest {
        let request = client.lock(key);
        if self.fenced {
            request.fenced()
        } else {
            request
        }
    }

    /// A stranger's SET.
    pub(crate) async fn put(&self, key: &str, value: &str) {
        let key = format!("{}{key}", self.prefix);
        match &self.stranger {
            Stranger::Memory(store) => store.put(key, Stored::Value(value.into()), None),
            Stranger::Redis(_) => self.command::<()>(&["SET", &key, value]).await,
        }
    }

    /// A stranger's list, instead of whatever was there.
    pub(crate) async fn put_list(&self, key: &str) {
        let key = format!("{}{key}", self.prefix);
        match &self.stranger {
            Stranger::Memory(store) => store.put(key, Stored::OtherType, None),
            Stranger::Redis(_) => {
                let script = "redis.call('DEL', KEYS[1]) redis.call('RPUSH', KEYS[1], 'x')";
                self.command::<()>(&["EVAL", script, "1", &key]).await;
            }
        }
    }

    /// A stranger's DEL.
    pub(crate) async fn delete(&self, key: &str) {
        let key = format!("{}{key}", self.prefix);
        match &self.stranger {
            Stranger::Memory(store) => store.remove(&key),
            Stranger::Redis(_) => self.command::<()>(&["DEL", &key]).await,
        }
    }

    /// Waits until so many clients stand in the line of a lock.
    pub(crate) async fn until_in_line(&self, key: &str, count: usize) {
        let prefix = &self.prefix;
        let line = format!("{prefix}line:{{{prefix}{key}}}");
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let there = match &self.stranger {
                // In paused time all is done that can be done.
                Stranger::Memory(_) => return sleep(Duration::from_millis(100)).await,
                Stranger::Redis(_) => self.command::<usize>(&["ZCARD", &line]).await,
            };
            if there == count {
                return;
            }
            assert!(Instant::now() < patience, "{there} of {count}");
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// How many keys there are under the prefix, without those of fences.
    pub(crate) async fn keys(&self) -> usize {
        match &self.stranger {
            Stranger::Memory(store) => store.keys().len(),
            Stranger::Redis(_) => {
                let pattern = format!("{}*", self.prefix);
                let keys = self.command::<Vec<String>>(&["KEYS", &pattern]).await;
                let beside = ["fence:", "line:{"].map(|name| format!("{}{name}", self.prefix));
                let locks = |key: &&String| !beside.iter().any(|name| key.starts_with(name));
                keys.iter().filter(locks).count()
            }
        }
    }

    async fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let Stranger::Redis(connection) = &self.stranger else {
            panic!("a command for a server");
        };
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        command
            .query_async(&mut connection.clone())
            .await
            .expect("the server obeys")
    }

    /// Waits until the clients have given up everything.
    pub(crate) async fn drain(&self) {
        for client in [&self.client, &self.other, &self.third] {
            let rest = client.shutdown(Duration::from_secs(5)).await;
            assert!(rest.is_empty(), "{rest:?}");
        }
    }
}

/// Polls `future` once and drops it if it is not done.
pub(crate) async fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = std::future::ready(()) => None,
    }
}

pub(crate) fn is_busy<T>(result: &Result<T, LockError>) -> bool {
    matches!(result, Err(LockError::Busy { .. }))
}
