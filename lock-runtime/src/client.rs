//! A client: one store, one set of lines, one queue of releases.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::error::LockError;
use crate::key::prefixed;
use crate::release::ensure_worker;
use crate::request::LockRequest;
use crate::shared::Shared;
use crate::store::Stored;
use crate::token::{LockToken, Ownership};

/// A client of one lock store. Cheap to clone; clones share everything.
///
/// Made by [`LockClient::connect`], [`LockClient::in_memory`] or [`LockClient::builder`]. It may be
/// used from several runtimes (every `#[tokio::test]` has its own): what it needs of background
/// work is started again in each.
///
/// ```
/// use std::time::Duration;
/// use lock_runtime::{LockClient, LockError, Ownership};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), LockError> {
/// let client = LockClient::in_memory(); // or: LockClient::connect("redis://…").await?
/// let guard = client.lock("order:42").acquire().await?;
/// assert_eq!(client.check("order:42", guard.token()).await?, Ownership::Mine);
/// guard.release().await?;
/// assert_eq!(client.lost_after_return(), 0);
///
/// let rest = client.shutdown(Duration::from_secs(5)).await;
/// assert!(rest.is_empty(), "left to their ttl: {rest:?}");
/// assert!(matches!(client.lock("order:42").acquire().await, Err(LockError::ShutDown { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LockClient(pub(crate) Arc<Shared>);

/// What [`LockClient::shutdown`] could not wait for: see [`LockClient`] for an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what remains is left to its ttl"]
#[non_exhaustive]
pub struct Remaining {
    /// Calls that still hold or ask for a lock.
    pub running: usize,
    /// Releases that are not settled: not answered, or of a token that a command without an answer
    /// may yet bring to the store.
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
    /// A request for the lock `key`, without the client's prefix. Parts that users choose must
    /// go through [`encode`](crate::encode). See [`LockRequest`] for an example.
    pub fn lock(&self, key: impl Into<String>) -> LockRequest {
        LockRequest::new(self.0.clone(), key.into())
    }

    /// Asks the store whether `token` stands at `key` (without the client's prefix).
    ///
    /// Cancellation safety: only reads.
    ///
    /// # Errors
    ///
    /// [`LockError::InvalidKey`], or [`LockError::Backend`] if the store does not answer within
    /// one command deadline.
    pub async fn check(&self, key: &str, token: &LockToken) -> Result<Ownership, LockError> {
        let key = prefixed(&self.0.settings.prefix, key)?;
        match self.0.inspect(&key).await {
            Ok(found) => Ok(Stored::compared(found.as_ref(), token)),
            Err(cause) => Err(LockError::backend(key, cause)),
        }
    }

    /// How many locks, since the client was made, turned out to have been lost when their release in
    /// the background ([`ReleaseMode::Background`](crate::ReleaseMode::Background)) was answered: too
    /// late for the result of a call that ended in time, or after a guard was dropped in time. Each is
    /// also an event of `tracing`, with its key. Not counted is a loss that nobody can prove: where a
    /// release had to be sent again, it may have found its own earlier work.
    #[must_use]
    pub fn lost_after_return(&self) -> u64 {
        self.0.releases.unheard()
    }

    /// Stops taking locks, wakes all waiters with [`LockError::ShutDown`], and waits up to
    /// `limit` until running bodies have ended and every release is answered. Call it before the
    /// runtime ends, or locks just dropped stay until their ttl. A call without `wait` that is asking the
    /// store hears of it with the answer to what it has sent, and gives back what it got. A future of
    /// [`LockGuard::release`](crate::LockGuard::release) that is kept and not polled it may wait for in vain.
    ///
    /// Cancellation safety: the client stays shut down; call it again to go on waiting.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn shutdown(&self, limit: Duration) -> Remaining {
        self.0.releases.shut_down();
        ensure_worker(&self.0.releases);
        // Running into the limit is told by what remains.
        let _ = timeout(limit, self.0.releases.idle()).await;
        let (running, releasing) = self.0.releases.remaining();
        Remaining { running, releasing }
    }
}

impl fmt::Debug for LockClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
