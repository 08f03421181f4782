//! A held lock in the hands of its user.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::error::{LockError, StoreError};
use crate::extensions::Extensions;
use crate::fence::FencingToken;
use crate::held::Held;
use crate::lease::{Claim, Lease, trusted};
use crate::options::{LockOptions, ReleaseMode};
use crate::release::{Place, Released, Stay};
use crate::renewal;
use crate::store::Release;
use crate::token::{LockToken, Ownership};

/// A lock that is held until it is released, dropped or lost.
///
/// Dropping it releases: the token is handed to the client's release worker, without blocking
/// and without spawning, from any thread; where no runtime of the client runs any more, it is sent
/// when the client is next used. [`LockGuard::release`] does the same and tells you what
/// came of it.
///
/// Holding a guard does not stop your code when the lease is lost: watch [`LockGuard::lost`], or
/// let `#[distributed_lock]` do it. A renewed lease is extended in the runtime that took the lock,
/// as long as that runs.
///
/// ```
/// use std::time::Duration;
/// use lock_runtime::{LockClient, LockError, Ownership, Release};
/// use tokio::time::sleep;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), LockError> {
/// let client = LockClient::in_memory();
/// let guard = client.lock("order:42").ttl(Duration::from_secs(10)).fenced().acquire().await?;
/// println!("{} with {:?} holds {:?}", guard.key(), guard.fencing_token(), guard.token());
///
/// sleep(Duration::from_secs(6)).await;
/// assert!(guard.remaining() < Duration::from_secs(4));
/// guard.extend().await?; // its whole ttl again
/// assert!(guard.remaining() > Duration::from_secs(9));
/// assert_eq!(guard.check().await?, Ownership::Mine);
///
/// tokio::select! {
///     () = sleep(Duration::from_secs(5)) => {} // the work
///     () = guard.lost() => return Ok(()),      // stop: somebody else may hold it now
/// }
/// assert_eq!(guard.release().await?, Release::Deleted);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the guard gives the lock back at once"]
pub struct LockGuard {
    held: Arc<Held>,
    options: LockOptions,
    /// Whether every SET sent with our token was answered. If not, one may land late and make a
    /// lost lock look ours.
    settled: bool,
    fence: Option<FencingToken>,
    keeper: Option<AbortHandle>,
    /// How long the key stays at least.
    stays_until: Option<Instant>,
    place: Mutex<Option<Box<Place>>>,
}

impl LockGuard {
    pub(crate) fn new(
        held: Held,
        place: Box<Place>,
        fence: Option<FencingToken>,
        options: &LockOptions,
        claim: Option<Claim>,
    ) -> Self {
        let settled = place.is_settled();
        let held = Arc::new(held);
        #[cfg(feature = "testing")]
        if let Some(witness) = held.shared.witness.get() {
            let (key, token) = (held.key.text().clone(), held.token.clone());
            let tenure = Arc::downgrade(&held);
            witness(crate::witness::Taken { key, token, tenure });
        }
        let stays_until = (!options.min_hold.is_zero()).then(|| {
            // What was passed on was so at some time until now.
            let since = match claim {
                None => held.lease.deadline() - trusted(options.ttl),
                Some(_) => Instant::now(),
            };
            since + options.min_hold
        });
        let keeper = match (options.renew, claim) {
            (None, None) => None,
            (None, Some(claim)) => {
                let keep = renewal::extend_claim(held.clone(), options.ttl, claim);
                Some(tokio::spawn(keep).abort_handle())
            }
            (Some(_), claim) => {
                let keep = renewal::renew(held.clone(), options.ttl, claim);
                Some(tokio::spawn(keep).abort_handle())
            }
        };
        Self {
            held,
            options: options.clone(),
            settled,
            fence,
            keeper,
            stays_until,
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

    /// The fencing token of this acquisition, if one was asked for by
    /// [`LockRequest::fenced`](crate::LockRequest::fenced) or `fence` in the attribute. Give it to the
    /// resource with every read and write.
    #[must_use]
    pub fn fencing_token(&self) -> Option<FencingToken> {
        self.fence
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

    /// Asks the store who holds the key now. Anything but [`Ownership::Mine`] means that the lock is
    /// lost, and is no error: `check().await?` alone does not stop there, [`LockGuard::extend`] does.
    /// `Mine` does not bring back a lock whose deadline is over.
    ///
    /// Cancellation safety: only reads.
    ///
    /// # Errors
    ///
    /// [`LockError::Backend`] if the store does not answer within one command deadline.
    pub async fn check(&self) -> Result<Ownership, LockError> {
        let found = self.held.check().await;
        found.map_err(|cause| self.backend(cause))
    }

    /// Gives the lease its whole ttl again, counted from the moment the command is sent, but not
    /// beyond the longest hold of a renewed one.
    ///
    /// Cancellation safety: cut off, the deadline is what it was; the key may stay for longer.
    ///
    /// # Errors
    ///
    /// [`LockError::Lost`] if the lock is not ours any more, [`LockError::Backend`] if the store
    /// does not answer within one command deadline; the deadline is then what it was.
    pub async fn extend(&self) -> Result<(), LockError> {
        let held = &self.held;
        let limit = Instant::now() + held.shared.settings.command_deadline;
        if !held.lease.is_lost() {
            let extended = held.extend(self.options.ttl).await;
            extended.map_err(|cause| self.backend(cause))?;
            if !held.lease.is_lost() {
                return Ok(());
            }
        }
        let found = match held.lease.found() {
            Some(found) => Some(found),
            // Only says who has it now; that we have not is certain.
            None => self.checked_until(limit).await,
        };
        Err(self.lost_error(found))
    }

    /// Ends when the lock is lost: the deadline passed, or the store said that it is not ours. A
    /// lock that was given back is lost at its deadline, too.
    ///
    /// The future does not borrow the guard: it may go into a task that works for its holder.
    ///
    /// Cancellation safety: holds nothing, call it as often as you like.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + use<> {
        let held = self.held.clone();
        async move { held.lease.lost().await }
    }

    /// Gives the lock back and says what the store found, whatever
    /// [`LockRequest::release`](crate::LockRequest::release) says. A release that had to be sent again may
    /// find the work of its first sending: [`Release::Missing`] or [`Release::NotOurs`] are then no
    /// proof that the lock was lost. A lock past its deadline whose token still stood there is
    /// [`Release::Deleted`] or [`Release::HandedOver`]: nobody else has had it. One with a
    /// [`min_hold`](crate::LockRequest::min_hold) that is not over yet is [`Release::Kept`].
    ///
    /// Cancellation safety: once polled, the release is sent, and goes on if this future is dropped. Kept and
    /// not polled, it goes on after 5 ms where somebody in this client waits for the lock; else what has to be
    /// sent again (to a server that does not know the script yet, or did not answer) is sent at the next
    /// poll, and until that or its drop it counts as not answered for
    /// [`LockClient::shutdown`](crate::LockClient::shutdown).
    ///
    /// # Errors
    ///
    /// [`LockError::Lost`] if the lock was not ours any more, or cannot be shown to have been.
    /// [`LockError::Backend`] if the store refuses, [`LockError::Indeterminate`] if it does not
    /// answer within one command deadline: the worker then goes on trying until the ttl has ended
    /// the lock anyway.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn release(self) -> Result<Release, LockError> {
        let in_time = !self.held.lease.is_lost();
        match self.give_up(in_time).await? {
            Ok(code) => Ok(code),
            Err(cause) if cause.is_ambiguous() => Err(LockError::Indeterminate {
                key: self.key().to_owned(),
                cause,
            }),
            Err(cause) => Err(self.backend(cause)),
        }
    }

    pub(crate) fn held(&self) -> &Arc<Held> {
        &self.held
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.held.lease
    }

    pub(crate) fn options(&self) -> &LockOptions {
        &self.options
    }

    /// Releases, and decides whether the lock was held until then: `in_time` unless the answer
    /// shows otherwise, late only if the answer shows it. The error inside: no answer, in time.
    pub(crate) async fn give_up(
        &self,
        in_time: bool,
    ) -> Result<Result<Release, StoreError>, LockError> {
        let limit = Instant::now() + self.held.shared.settings.command_deadline;
        self.held.telling.ends();
        let released = self.answered_until(limit).await;
        let stands = match &released {
            Err(_) => in_time,
            Ok(released) if in_time => !released.refutes(),
            Ok(released) => {
                released.code.was_ours() && self.settled && !self.held.lease.is_refuted()
            }
        };
        let code = released.map(|released| released.code);
        let told = code.as_ref().map_or("unanswered", |code| code.word());
        self.held.telling.released(&self.held.key, told);
        if stands {
            return Ok(code);
        }
        let found = match (self.held.lease.found(), code) {
            (Some(found), _) => Some(found),
            (None, Ok(Release::Missing)) => Some(Ownership::Free),
            (None, Ok(Release::NotOurs)) => Box::pin(self.checked_until(limit)).await,
            (None, Ok(_)) => Some(Ownership::Mine),
            (None, Err(_)) => None,
        };
        Err(self.lost_error(found))
    }

    fn is_released_in_background(&self) -> bool {
        let mode = self.options.release;
        mode.unwrap_or(self.held.shared.settings.release) == ReleaseMode::Background
    }

    /// Queues the release of a lock that is not lost, if its caller goes on without the answer.
    pub(crate) fn give_up_in_background(&self) -> bool {
        if !self.is_released_in_background() || self.held.lease.is_lost() {
            return false;
        }
        self.stop_renewal();
        if let Some(place) = self.take_place() {
            place.release_unheard();
        }
        self.held.telling.released(&self.held.key, "background");
        true
    }

    fn take_place(&self) -> Option<Box<Place>> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let mut place = place.take()?;
        if let Some(until) = self.stays_until
            && Instant::now() < until
        {
            let extensions = self.held.extensions.as_deref().map(Extensions::end);
            let extended_on = extensions.unwrap_or_default();
            place.stays(Stay { until, extended_on });
        }
        Some(place)
    }

    /// Who stands at the key, if the answer comes in time.
    async fn checked_until(&self, limit: Instant) -> Option<Ownership> {
        timeout_at(limit, self.held.check()).await.ok()?.ok()
    }

    /// Gives the token back and waits for the answer, at most until `limit`.
    async fn answered_until(&self, limit: Instant) -> Result<Released, StoreError> {
        self.stop_renewal();
        let place = self.take_place();
        // Given up once already: there is no answer for a second time.
        let answer = match place {
            Some(place) => pin!(place.release(limit)).await,
            None => None,
        };
        let deadline = self.held.shared.settings.command_deadline;
        answer.unwrap_or_else(|| Err(StoreError::silent(deadline)))
    }

    fn stop_renewal(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.abort();
        }
    }

    pub(crate) fn lost_error(&self, found: Option<Ownership>) -> LockError {
        self.held.telling.lost();
        LockError::Lost {
            key: self.key().to_owned(),
            found,
        }
    }

    fn backend(&self, cause: StoreError) -> LockError {
        LockError::backend(self.key(), cause)
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        self.stop_renewal();
        let Held {
            telling,
            key,
            lease,
            ..
        } = &*self.held;
        telling.dropped(key, || lease.is_lost());
        // Taken out it knows how long the key is to stay, and dropped it is given back.
        let Some(mut place) = self.take_place() else {
            return;
        };
        if self.is_released_in_background() && !lease.is_lost() {
            place.give_back_unheard();
        }
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
