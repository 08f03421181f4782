//! Making a client: its settings and its store.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::client::LockClient;
use crate::error::{LockError, StoreErrorKind};
use crate::key::RESERVED;
use crate::options::AcquireForm;
use crate::shared::Shared;
use crate::store::redis::{RedisStore, Target};
use crate::store::{LockStore, MemoryStore};

/// Between two attempts to connect to a server that is not ready.
const PAUSE: Duration = Duration::from_millis(50);

/// Settings of a [`LockClient`].
#[derive(Debug, Clone)]
pub struct LockClientBuilder {
    prefix: String,
    command_deadline: Duration,
    connect_timeout: Duration,
    form: AcquireForm,
    #[cfg(feature = "tls")]
    root_certificate: Option<Vec<u8>>,
}

impl Default for LockClientBuilder {
    fn default() -> Self {
        Self {
            prefix: "lock:".to_owned(),
            command_deadline: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(5),
            form: AcquireForm::default(),
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
    /// Cancellation safety: nothing is left behind.
    ///
    /// # Errors
    ///
    /// [`LockError::InvalidOptions`] if the URL cannot be used, [`LockError::Backend`] if no
    /// server answers within 5 s or it does not let us in. No error shows the URL's password.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn connect(url: &str) -> Result<Self, LockError> {
        Self::builder().connect(url).await
    }

    /// A client of a fresh store in memory: for tests and programs of one process. Works outside
    /// a runtime.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::builder().store_unchecked(Arc::new(MemoryStore::new()))
    }

    /// A client with other settings.
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
        self.prefix = prefix.into();
        self
    }

    /// How long a call goes on asking a store that does not answer before it is
    /// [`LockError::Indeterminate`], and how long it waits for the answer of its release, 40 ms
    /// to 10 min. A single command is given a quarter of it. Defaults to 2 s.
    #[must_use]
    pub fn command_deadline(mut self, deadline: Duration) -> Self {
        self.command_deadline = deadline;
        self
    }

    /// How long to try to connect, 10 ms to 10 min. Defaults to 5 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The command that takes locks. Defaults to [`AcquireForm::Set`].
    #[must_use]
    pub fn form(mut self, form: AcquireForm) -> Self {
        self.form = form;
        self
    }

    /// The certificate, in PEM, of the authority that signed the server's: for `rediss://` URLs
    /// of servers that no public authority vouches for. Defaults to the system's authorities.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificate = Some(pem.into());
        self
    }

    /// Connects to a Redis or Valkey server.
    ///
    /// Cancellation safety: nothing is left behind.
    ///
    /// # Errors
    ///
    /// As [`LockClient::connect`], and [`LockError::InvalidOptions`] for settings out of range.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn connect(self, url: &str) -> Result<LockClient, LockError> {
        self.validate()?;
        let target = Target {
            connect_timeout: self.connect_timeout,
            response_timeout: self.command_deadline / 4,
            probe: format!("{}connect", self.prefix),
            #[cfg(feature = "tls")]
            root_certificate: self.root_certificate.clone(),
        };
        let store = RedisStore::new(url, target)?;
        let deadline = Instant::now() + self.connect_timeout;
        while let Err(cause) = store.session().await {
            // A server that loads its data or is busy with a script will serve us in a moment.
            if cause.kind() != StoreErrorKind::Unavailable || Instant::now() >= deadline {
                return Err(LockError::Backend { key: None, cause });
            }
            sleep(PAUSE).await;
        }
        Ok(self.store_unchecked(Arc::new(store)))
    }

    /// A client of your own store, or of a [`MemoryStore`](crate::MemoryStore) that another
    /// client uses too. Works outside a runtime.
    ///
    /// # Errors
    ///
    /// [`LockError::InvalidOptions`] for settings out of range.
    pub fn store(self, store: impl LockStore) -> Result<LockClient, LockError> {
        self.validate()?;
        Ok(self.store_unchecked(Arc::new(store)))
    }

    pub(crate) fn store_unchecked(self, store: Arc<dyn LockStore>) -> LockClient {
        let shared = Shared::new(store, self.prefix, self.command_deadline, self.form);
        LockClient(Arc::new(shared))
    }

    fn validate(&self) -> Result<(), LockError> {
        let longest = Duration::from_mins(10);
        if self.prefix.contains(['{', '}']) {
            let reason = "the prefix must hold no braces: they would choose a Cluster slot";
            return Err(LockError::options(reason));
        }
        if self.prefix.contains(RESERVED) {
            let reason = format!("the prefix must not contain `{RESERVED}`, which is reserved");
            return Err(LockError::options(reason));
        }
        if self.prefix.len() > 128 {
            return Err(LockError::options("the prefix must have at most 128 bytes"));
        }
        if !(Duration::from_millis(40)..=longest).contains(&self.command_deadline) {
            let reason = "`command_deadline` must lie between 40 ms and 10 min";
            return Err(LockError::options(reason));
        }
        if !(Duration::from_millis(10)..=longest).contains(&self.connect_timeout) {
            let reason = "`connect_timeout` must lie between 10 ms and 10 min";
            return Err(LockError::options(reason));
        }
        Ok(())
    }
}
