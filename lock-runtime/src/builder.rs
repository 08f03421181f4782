//! Making a client: its settings and its store.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::acks::Acks;
use crate::client::LockClient;
use crate::error::{LockError, StoreErrorKind};
use crate::options::{AcquireForm, ReleaseMode};
use crate::settings::Settings;
use crate::shared::Shared;
use crate::store::redis::{RedisStore, Target};
use crate::store::{LockStore, MemoryStore};

/// Between two attempts to connect to a server that is not ready.
const PAUSE: Duration = Duration::from_millis(50);

/// Settings of a [`LockClient`], made by [`LockClient::builder`].
///
/// ```
/// use std::time::Duration;
/// use lock_runtime::{AcquireForm, LockClient, LockError, MemoryStore, ReleaseMode};
///
/// # fn main() -> Result<(), LockError> {
/// let settings = LockClient::builder()
///     .prefix("shop:lock:")
///     .command_deadline(Duration::from_secs(1))
///     .connect_timeout(Duration::from_secs(10))
///     .form(AcquireForm::Script)
///     .release(ReleaseMode::Background)
///     .claim(Duration::from_millis(500))
///     .max_waiters(1_000)
///     .max_waiters_per_key(100);
/// let client = settings.clone().store(MemoryStore::new())?; // or: .connect("redis://…").await?
///
/// // What is out of range is told before anything is sent.
/// let refused = settings.acks(0, Duration::from_millis(100)).store(MemoryStore::new());
/// assert!(matches!(refused, Err(LockError::InvalidOptions { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct LockClientBuilder {
    settings: Settings,
    connect_timeout: Duration,
    #[cfg(feature = "tls")]
    root_certificate: Option<Vec<u8>>,
}

impl Default for LockClientBuilder {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            connect_timeout: Duration::from_secs(5),
            #[cfg(feature = "tls")]
            root_certificate: None,
        }
    }
}

impl LockClient {
    /// Connects to a Redis or Valkey server, with the defaults of [`LockClient::builder`]:
    /// `redis://[user:password@]host[:port][/database]`, `rediss://` with the feature `tls`,
    /// `unix:///path`.
    ///
    /// ```no_run
    /// # async fn connect() -> Result<(), lock_runtime::LockError> {
    /// let client = lock_runtime::LockClient::connect("redis://locks:secret@127.0.0.1:6379/0").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Cancellation safety: an attempt under way ends by itself within the connect timeout.
    ///
    /// # Errors
    ///
    /// [`LockError::InvalidOptions`] if the URL cannot be used, with the part that is wrong,
    /// [`LockError::Backend`], with host and port, if no server listens there (at once), none answers within
    /// 5 s or it does not let us in. No error shows the URL's password.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn connect(url: &str) -> Result<Self, LockError> {
        Self::builder().connect(url).await
    }

    /// A client of a fresh store in memory: for tests and programs of one process. Works outside
    /// a runtime. See [`LockClient`] for an example.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::builder().store_unchecked(Arc::new(MemoryStore::new()))
    }

    /// A client with other settings: see [`LockClientBuilder`] for an example.
    #[must_use]
    pub fn builder() -> LockClientBuilder {
        LockClientBuilder::default()
    }
}

impl LockClientBuilder {
    /// What every key begins with; empty for nothing. No braces: they would choose a Cluster
    /// slot, and no `fence:`. Defaults to `lock:`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.settings.prefix = prefix.into();
        self
    }

    /// How long a call goes on asking a store that does not answer before it is
    /// [`LockError::Indeterminate`] (a call that waits does so at least as long as its `wait`), and how
    /// long it waits for the answer of its release: 40 ms to 10 min. A single command is given a quarter
    /// of it. Defaults to 2 s.
    #[must_use]
    pub fn command_deadline(mut self, deadline: Duration) -> Self {
        self.settings.command_deadline = deadline;
        self
    }

    /// How long a server may take to let us in: 10 ms to 10 min. Meanwhile one that is loading or busy is
    /// waited for; one that refuses the connection is an error at once. Defaults to 5 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The command that takes locks. Defaults to [`AcquireForm::Set`].
    #[must_use]
    pub fn form(mut self, form: AcquireForm) -> Self {
        self.settings.form = form;
        self
    }

    /// When calls whose body ended in time return, unless they say otherwise. Defaults to
    /// [`ReleaseMode::Answered`].
    #[must_use]
    pub fn release(mut self, mode: ReleaseMode) -> Self {
        self.settings.release = mode;
        self
    }

    /// How long a lock lasts that another client passed on to a waiter of this one, before it is extended to
    /// its whole ttl: 50 ms to 10 s, at most the ttl. A waiter that has stopped holds up the others for so
    /// long, and a runtime that is blocked for longer, right after it was passed a lock, loses it. Defaults to
    /// 200 ms.
    #[must_use]
    pub fn claim(mut self, claim: Duration) -> Self {
        self.settings.claim = claim;
        self
    }

    /// Counts a lock as taken or extended only when `replicas` replicas (at least 1) have
    /// acknowledged it within `limit` (1 ms to half the command deadline), by `WAIT`. Too few:
    /// the lock is given back, and the call fails with [`LockError::Backend`], which says how many; an
    /// extension counts as unanswered and is tried again until the deadline. Defaults to none.
    ///
    /// It narrows the window in which a failover forgets a lock, and does not close it: a replica
    /// that has not acknowledged may be the one that is promoted. Only a fence protects the resource
    /// then ([`LockRequest::fenced`](crate::LockRequest::fenced)).
    ///
    /// Because `WAIT` holds up what comes behind it, such a client sends it on connections of their
    /// own: as many as there are locks being taken or extended at once.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn connect() -> Result<(), lock_runtime::LockError> {
    /// let client = lock_runtime::LockClient::builder()
    ///     .acks(1, Duration::from_millis(200))
    ///     .connect("redis://127.0.0.1:6379")
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn acks(mut self, replicas: u32, limit: Duration) -> Self {
        self.settings.acks = Some(Acks { replicas, limit });
        self
    }

    /// How many calls of this client may wait at once, at least 1; more are refused with
    /// [`LockError::TooManyWaiters`] before anything is sent. A call with a `wait` counts from its
    /// start until it has the lock. Defaults to 10,000.
    #[must_use]
    pub fn max_waiters(mut self, most: usize) -> Self {
        self.settings.max_waiters = most;
        self
    }

    /// The same for each key. Defaults to 1,000.
    #[must_use]
    pub fn max_waiters_per_key(mut self, most: usize) -> Self {
        self.settings.max_waiters_per_key = most;
        self
    }

    /// The certificate, in PEM, of the authority that signed the server's: for `rediss://` URLs
    /// of servers that no public authority vouches for. Defaults to the system's authorities.
    ///
    /// ```no_run
    /// # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = lock_runtime::LockClient::builder()
    ///     .root_certificate(std::fs::read("ca.pem")?)
    ///     .connect("rediss://127.0.0.1:6380")
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificate = Some(pem.into());
        self
    }

    /// Connects to a Redis or Valkey server.
    ///
    /// Cancellation safety: an attempt under way ends by itself within the connect timeout.
    ///
    /// # Errors
    ///
    /// As [`LockClient::connect`], and [`LockError::InvalidOptions`] for settings out of range.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn connect(self, url: &str) -> Result<LockClient, LockError> {
        let target = self.target();
        self.connect_to(url, target).await
    }

    /// As [`LockClientBuilder::connect`], but over the streams that `connector` makes: for
    /// simulations.
    ///
    /// # Errors
    ///
    /// # Panics
    ///
    /// As there.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub async fn connect_through<S, F>(
        self,
        url: &str,
        connector: impl Fn() -> F + Send + Sync + 'static,
    ) -> Result<LockClient, LockError>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
        F: Future<Output = std::io::Result<S>> + Send + 'static,
    {
        let target = Target {
            connector: Some(crate::store::redis::Connector::new(connector)),
            ..self.target()
        };
        self.connect_to(url, target).await
    }

    fn target(&self) -> Target {
        Target {
            connect_timeout: self.connect_timeout,
            response_timeout: self.settings.response_timeout(),
            probe: format!("{}connect", self.settings.prefix),
            prefix: self.settings.prefix.clone(),
            #[cfg(feature = "tls")]
            root_certificate: self.root_certificate.clone(),
            #[cfg(feature = "testing")]
            connector: None,
        }
    }

    async fn connect_to(self, url: &str, target: Target) -> Result<LockClient, LockError> {
        self.validate()?;
        let store = RedisStore::new(url, target)?;
        let deadline = Instant::now() + self.connect_timeout;
        while let Err(cause) = store.session().await {
            // A server that loads its data or is busy with a script will serve us in a moment.
            if cause.kind() != StoreErrorKind::Unavailable || Instant::now() >= deadline {
                return Err(LockError::Backend { key: None, cause });
            }
            sleep(PAUSE).await;
        }
        // Running out of time only costs the warning.
        let _ = timeout_at(deadline, store.warn_of_eviction()).await;
        Ok(self.store_unchecked(Arc::new(store)))
    }

    /// A client of your own store, or of a [`MemoryStore`](crate::MemoryStore) that another
    /// client uses too. Works outside a runtime. See [`MemoryStore`](crate::MemoryStore) and
    /// [`LockStore`](crate::LockStore) for examples.
    ///
    /// # Errors
    ///
    /// [`LockError::InvalidOptions`] for settings out of range.
    pub fn store(self, store: impl LockStore) -> Result<LockClient, LockError> {
        self.validate()?;
        Ok(self.store_unchecked(Arc::new(store)))
    }

    pub(crate) fn store_unchecked(self, store: Arc<dyn LockStore>) -> LockClient {
        let shared = Shared::new(store, self.settings);
        LockClient(Arc::new(shared))
    }

    fn validate(&self) -> Result<(), LockError> {
        self.settings.validate()?;
        let timeouts = Duration::from_millis(10)..=Duration::from_mins(10);
        if !timeouts.contains(&self.connect_timeout) {
            let reason = "`connect_timeout` must lie between 10 ms and 10 min";
            return Err(LockError::options(reason));
        }
        Ok(())
    }
}
