//! A client: one store, one set of lines, one release worker.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::builder::LockClientBuilder;
use crate::error::LockError;
use crate::installed;
use crate::key::prefixed;
use crate::options::AcquireForm;
use crate::release::Releases;
use crate::request::LockRequest;
use crate::store::{LockStore, MemoryStore, Stored};
use crate::token::{LockToken, Ownership};
use crate::wait::Lines;

/// A client of one lock store. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct LockClient(Arc<Shared>);

/// What the clones of a client and its guards share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn LockStore>,
    pub(crate) prefix: String,
    pub(crate) command_deadline: Duration,
    pub(crate) form: AcquireForm,
    pub(crate) lines: Arc<Lines>,
    pub(crate) releases: Arc<Releases>,
    pub(crate) closing: watch::Sender<bool>,
}

/// What [`LockClient::shutdown`] could not wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what remains is left to its ttl"]
pub struct Remaining {
    /// Calls that still hold or ask for a lock.
    pub running: usize,
    /// Releases the store has not answered.
    pub releasing: usize,
}

impl Remaining {
    /// Whether nothing remains.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.running == 0 && self.releasing == 0
    }
}

impl LockClient {
    /// Connects to a Redis or Valkey server, with the defaults of [`LockClient::builder`].
    ///
    /// # Errors
    ///
    /// [`LockError::InvalidOptions`] if the URL cannot be used, [`LockError::Backend`] if no
    /// server answers within 5 s or it does not let us in. No error shows the URL's password.
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

    pub(crate) fn new(
        store: Arc<dyn LockStore>,
        prefix: String,
        command_deadline: Duration,
        form: AcquireForm,
    ) -> Self {
        let lines = Arc::new(Lines::default());
        let releases = Releases::new(store.clone(), lines.clone());
        Self(Arc::new(Shared {
            store,
            prefix,
            command_deadline,
            form,
            lines,
            releases,
            closing: watch::Sender::new(false),
        }))
    }

    /// Makes this client the one that calls use if none is in scope.
    ///
    /// # Errors
    ///
    /// [`LockError::InvalidOptions`] if one is installed already, which then stays.
    pub fn install(&self) -> Result<(), LockError> {
        installed::install(self.clone())
    }

    /// Runs `future` with this client as the one that calls inside it use, and gives its output.
    /// Tasks spawned inside are outside the scope.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        installed::scope(self.clone(), future).await
    }

    /// A request for the lock `key`, without the client's prefix. Parts that users choose belong
    /// through [`encode`](crate::encode).
    pub fn lock(&self, key: impl Into<String>) -> LockRequest {
        LockRequest::new(self.0.clone(), key.into())
    }

    /// Asks the store whether `token` stands at `key` (without the client's prefix).
    ///
    /// # Errors
    ///
    /// [`LockError::InvalidKey`], or [`LockError::Backend`] if the store does not answer.
    pub async fn check(&self, key: &str, token: &LockToken) -> Result<Ownership, LockError> {
        let key = prefixed(&self.0.prefix, key)?;
        let found = async {
            let session = self.0.store.session().await?;
            session.inspect(&key).await
        };
        match found.await {
            Ok(found) => Ok(Stored::compared(
                found.as_ref().map(|(stored, _)| stored),
                token,
            )),
            Err(cause) => Err(LockError::Backend { key, cause }),
        }
    }

    /// Stops taking locks, wakes all waiters with [`LockError::ShutDown`], and waits up to
    /// `timeout` until running bodies have ended and every release is answered. Call it before
    /// the runtime ends, or locks just dropped stay until their ttl.
    pub async fn shutdown(&self, timeout_after: Duration) -> Remaining {
        self.0.closing.send_replace(true);
        self.0.releases.ensure_worker();
        // Running into the timeout is told by what remains.
        let _ = timeout(timeout_after, self.0.releases.idle()).await;
        let (running, releasing) = self.0.releases.remaining();
        Remaining { running, releasing }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.releases.close();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockClient")
            .field("store", &self.store)
            .field("prefix", &self.prefix)
            .field("command_deadline", &self.command_deadline)
            .finish_non_exhaustive()
    }
}
