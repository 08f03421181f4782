//! A held lock in the hands of its user.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::client::Shared;
use crate::error::LockError;
use crate::lease::Lease;
use crate::options::LockOptions;
use crate::release::{Place, Released};
use crate::renewal;
use crate::store::{Release, StoreError, Stored};
use crate::token::{LockToken, Ownership};

/// A lock that is held until it is released, dropped or lost.
///
/// Dropping it releases: the token is handed to the client's release worker, without blocking
/// and without spawning, from any thread. [`LockGuard::release`] does the same and tells you what
/// came of it.
///
/// Holding a guard does not stop your code when the lease is lost: watch [`LockGuard::lost`], or
/// let `#[distributed_lock]` do it.
pub struct LockGuard {
    held: Arc<Held>,
    options: LockOptions,
    /// Whether every SET sent with our token was answered. If not, one may land late and make a
    /// lost lock look ours.
    settled: bool,
    keeper: Option<AbortHandle>,
    place: Mutex<Option<Place>>,
}

/// What the guard and its renewal share.
pub(crate) struct Held {
    pub(crate) shared: Arc<Shared>,
    pub(crate) key: Arc<str>,
    pub(crate) token: LockToken,
    pub(crate) lease: Lease,
}

impl LockGuard {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        key: &Arc<str>,
        place: Place,
        lease: Lease,
        options: &LockOptions,
        settled: bool,
    ) -> Self {
        let held = Arc::new(Held {
            shared: shared.clone(),
            key: key.clone(),
            token: place.token().clone(),
            lease,
        });
        let keeper = options
            .renew
            .map(|_| tokio::spawn(renewal::keep(held.clone(), options.ttl)).abort_handle());
        Self {
            held,
            options: options.clone(),
            settled,
            keeper,
            place: Mutex::new(Some(place)),
        }
    }

    /// The lock key, with the client's prefix.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.held.key
    }

    /// The value stored at the key for this acquisition.
    #[must_use]
    pub fn token(&self) -> &LockToken {
        &self.held.token
    }

    /// How much longer the lock may be trusted without an extension; zero once it is lost.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        if self.held.lease.is_lost() {
            return Duration::ZERO;
        }
        self.held
            .lease
            .deadline()
            .saturating_duration_since(Instant::now())
    }

    /// Asks the store who holds the key now.
    ///
    /// # Errors
    ///
    /// [`LockError::Backend`] if the store does not answer.
    pub async fn check(&self) -> Result<Ownership, LockError> {
        let ownership = self
            .held
            .inspect()
            .await
            .map_err(|cause| self.backend(cause))?;
        if ownership != Ownership::Mine {
            self.held.lease.refute(ownership.clone());
        }
        Ok(ownership)
    }

    /// Gives the lease its whole ttl again, counted from now.
    ///
    /// # Errors
    ///
    /// [`LockError::Lost`] if the lock is not ours any more, [`LockError::Backend`] if the store
    /// does not answer; the deadline is then what it was.
    pub async fn extend(&self) -> Result<(), LockError> {
        let held = &self.held;
        let session = held
            .shared
            .store
            .session()
            .await
            .map_err(|cause| self.backend(cause))?;
        if held.lease.is_lost() {
            return Err(self.lost_error(held.lease.found()));
        }
        let sent = Instant::now();
        let extended = session
            .extend(&held.key, &held.token, self.options.ttl)
            .await;
        if extended.map_err(|cause| self.backend(cause))? {
            held.lease.extended(sent, self.options.ttl);
        } else {
            let found = held.inspect().await.unwrap_or(Ownership::Free);
            held.lease.refute(found);
        }
        if held.lease.is_lost() {
            return Err(self.lost_error(held.lease.found()));
        }
        Ok(())
    }

    /// Ends when the lock is lost: the deadline passed, or the store said that it is not ours.
    ///
    /// Cancellation safety: holds nothing, call it as often as you like.
    pub async fn lost(&self) {
        self.held.lease.lost().await;
    }

    /// Gives the lock back and says what the store found.
    ///
    /// Cancellation safety: once called, the release goes on whatever happens to this future.
    ///
    /// # Errors
    ///
    /// [`LockError::Lost`] if the lock was not ours any more; [`LockError::Indeterminate`] if no
    /// answer came within one command deadline, while the worker goes on trying.
    pub async fn release(self) -> Result<Release, LockError> {
        match self.give_up().await {
            None => Err(LockError::Indeterminate {
                key: self.key().to_owned(),
                cause: StoreError::new(
                    crate::store::StoreErrorKind::Timeout,
                    "the release was not answered and is sent again until the ttl is over",
                ),
            }),
            Some(released) if released.refutes() => {
                let found = self.found(released.code).await;
                Err(self.lost_error(found))
            }
            Some(released) => Ok(released.code),
        }
    }

    /// Who stands at the key after a release with this code.
    pub(crate) async fn found(&self, code: Release) -> Option<Ownership> {
        match code {
            Release::Missing => Some(Ownership::Free),
            Release::Deleted | Release::NotDeleted => Some(Ownership::Mine),
            Release::NotOurs => self.held.inspect().await.ok(),
        }
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.held.lease
    }

    pub(crate) fn options(&self) -> &LockOptions {
        &self.options
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Hands the token over and waits for the answer, at most for one command deadline.
    pub(crate) async fn give_up(&self) -> Option<Released> {
        self.stop_renewal();
        let place = self
            .place
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        let answer = place.release();
        timeout(self.held.shared.command_deadline, answer)
            .await
            .ok()?
            .ok()
    }

    fn stop_renewal(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }

    pub(crate) fn lost_error(&self, found: Option<Ownership>) -> LockError {
        LockError::Lost {
            key: self.key().to_owned(),
            found,
        }
    }

    fn backend(&self, cause: StoreError) -> LockError {
        LockError::Backend {
            key: self.key().to_owned(),
            cause,
        }
    }
}

impl Held {
    pub(crate) async fn inspect(&self) -> Result<Ownership, StoreError> {
        let session = self.shared.store.session().await?;
        let found = session.inspect(&self.key).await?;
        Ok(Stored::compared(
            found.as_ref().map(|(stored, _)| stored),
            &self.token,
        ))
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        self.stop_renewal();
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard")
            .field("key", &self.key())
            .field("token", self.token())
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
