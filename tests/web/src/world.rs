//! Servers and clients, one for each way in which a lock can fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lock_runtime::{LockClient, LockGuard};
use tests::{Fault, Proxy, Server};
use tokio::sync::watch;

/// As many calls may wait for one key.
pub const MAX_WAITERS: usize = 100;

/// For whatever has to happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

const DEADLINE: Duration = Duration::from_millis(400);

/// What the handlers of all frameworks share.
#[derive(Debug)]
pub struct World {
    /// Where the locks are.
    pub redis: Server,
    /// The client in whose scope requests are handled.
    pub locks: LockClient,
    /// One whose server has ended.
    pub(crate) down: LockClient,
    /// One whose requests for a lock are not answered.
    pub(crate) silent: LockClient,
    /// One that is shut down.
    pub(crate) shut: LockClient,
    /// One that lets a single call wait.
    pub(crate) narrow: LockClient,
    /// Holds `taken`, as another process would.
    _taken: LockGuard,
    _swallowing: Proxy,
    gate: watch::Sender<bool>,
    inside: AtomicUsize,
}

impl World {
    /// A server, and the ways to it that fail.
    ///
    /// # Panics
    ///
    /// If a server does not start.
    pub async fn start() -> Arc<Self> {
        let (redis, ended) = (Server::start(&[]), Server::start(&[]));
        let swallowing = Proxy::start(redis.port()).await;
        swallowing.always("SET", Fault::BlackHole);
        let connected = async |url: &str, waiters| {
            LockClient::builder()
                .command_deadline(DEADLINE)
                .connect_timeout(DEADLINE)
                .max_waiters_per_key(waiters)
                .connect(url)
                .await
                .expect("the server runs")
        };
        let another = LockClient::connect(&redis.url()).await;
        let another = another.expect("the server runs");
        let taken = another.lock("taken").ttl(Duration::from_mins(1));
        let world = Self {
            locks: LockClient::builder()
                .max_waiters_per_key(MAX_WAITERS)
                .connect(&redis.url())
                .await
                .expect("the server runs"),
            down: connected(&ended.url(), MAX_WAITERS).await,
            silent: connected(&swallowing.url(), MAX_WAITERS).await,
            shut: connected(&redis.url(), MAX_WAITERS).await,
            narrow: connected(&redis.url(), 1).await,
            _taken: taken.acquire().await.expect("a fresh server"),
            redis,
            gate: watch::Sender::new(false),
            inside: AtomicUsize::new(0),
            _swallowing: swallowing,
        };
        drop(ended);
        assert!(world.shut.shutdown(PATIENCE).await.is_empty());
        Arc::new(world)
    }

    /// Lets all handlers go on that wait inside their lock, and those to come.
    pub fn open(&self) {
        self.gate.send_replace(true);
    }

    /// Inside the lock of a handler that does not end by itself.
    pub(crate) async fn until_open(&self) {
        self.inside.fetch_add(1, Ordering::Relaxed);
        // The sender is our own.
        let _ = self.gate.subscribe().wait_for(|open| *open).await;
    }

    /// How many handlers have been inside.
    pub fn inside(&self) -> usize {
        self.inside.load(Ordering::Relaxed)
    }

    /// The lock keys on the server, but for the one that is always taken.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub async fn keys(&self) -> Vec<String> {
        locks(&self.redis.keys().await)
    }

    /// Waits until the keys on the server are as `wanted`.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn until_keys(&self, wanted: impl Fn(&[String]) -> bool) {
        let wanted = |keys: &[String]| wanted(&locks(keys));
        self.redis.until_keys(PATIENCE, wanted).await;
    }
}

fn locks(keys: &[String]) -> Vec<String> {
    let locks = keys
        .iter()
        .filter(|key| key.starts_with("lock:") && *key != "lock:taken");
    locks.cloned().collect()
}
