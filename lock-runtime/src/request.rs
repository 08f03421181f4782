//! A lock asked for by hand.

use std::sync::Arc;
use std::time::Duration;

use crate::acquire::{Keys, acquire};
use crate::error::LockError;
use crate::guard::LockGuard;
use crate::key::{fence_key, prefixed};
use crate::observe::{self, Asking, Name};
use crate::options::{AcquireForm, DEFAULT_LONGEST_HOLD, LockOptions, OnLost, ReleaseMode};
use crate::shared::Shared;

/// A lock about to be asked for, made by [`LockClient::lock`](crate::LockClient::lock).
///
/// Nothing is sent before [`LockRequest::acquire`].
///
/// ```
/// use std::time::Duration;
/// use lock_runtime::{AcquireForm, LockClient, LockError, OnLost, ReleaseMode};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), LockError> {
/// let client = LockClient::in_memory();
/// let guard = client
///     .lock("order:42")
///     .name("place_order") // what others are told of the holder
///     .ttl(Duration::from_secs(30))
///     .wait(Duration::from_secs(2))
///     .renew() // or .longest_hold(Duration::from_hours(2))
///     .fenced()
///     .acquire()
///     .await?;
/// assert!(guard.fencing_token().is_some());
///
/// let error = client.lock("order:42").wait(Duration::from_secs(1)).acquire().await.unwrap_err();
/// assert!(error.to_string().contains("place_order"), "{error}");
///
/// // Less usual:
/// let request = client
///     .lock("stock")
///     .longest_hold(Duration::from_hours(2))
///     .form(AcquireForm::Script)
///     .release(ReleaseMode::Background)
///     .on_lost(OnLost::Finish);
/// drop(request.acquire().await?); // given back in the background
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until `acquire` is awaited"]
pub struct LockRequest {
    shared: Arc<Shared>,
    key: String,
    name: Name,
    pub(crate) options: LockOptions,
}

impl LockRequest {
    pub(crate) fn new(shared: Arc<Shared>, key: String) -> Self {
        Self {
            shared,
            key,
            name: Name {
                function: "lock",
                template: None,
            },
            options: LockOptions::new(Duration::from_secs(10)),
        }
    }

    pub(crate) fn named(mut self, name: Name) -> Self {
        self.name = name;
        self
    }

    pub(crate) fn set_key(&mut self, key: String) {
        self.key = key;
    }

    /// Time to live of the lease, 10 ms to 24 h. Defaults to 10 s.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.options.ttl = ttl;
        self
    }

    /// How long to wait while the lock is busy, up to 24 h. Defaults to zero: try once. Waiters of
    /// one client are served in the order of their calls: a release hands the lock over to the next. The
    /// first of each client stands in a line on the server, in whose order clients pass the lock on after
    /// eight turns of their own. It is told when its turn has come, and asks the store every one to two
    /// seconds in case that gets lost; every 5 to 100 ms, with jitter, where the store tells nothing.
    ///
    /// A lock that another client passed on lasts for the client's
    /// [`claim`](crate::LockClientBuilder::claim), or for its ttl if that is shorter, and is extended to the whole ttl meanwhile, in a task: a runtime that is blocked for longer loses it.
    ///
    /// A call that waits must be polled or dropped: one that is kept and not polled holds up those behind it,
    /// and a lock that is handed over to it stays with it for its ttl. A store that cannot be reached, loads
    /// its data or does not answer is waited for as well; one that is silent can prolong a wait by one command
    /// deadline. One that has left eight commands of the call unanswered is not asked on.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.options.wait = wait;
        self
    }

    /// Extends the lease at a third of its ttl, which must be at least 300 ms, for at most 24 h.
    /// Defaults to no renewal.
    pub fn renew(self) -> Self {
        self.longest_hold(DEFAULT_LONGEST_HOLD)
    }

    /// As [`LockRequest::renew`], for at most `hold`: longer than the ttl, at most 30 days. At its
    /// end the lock is lost.
    pub fn longest_hold(mut self, hold: Duration) -> Self {
        self.options.renew = Some(hold);
        self
    }

    /// How long the key stays at least, counted from the acquisition as the lease is, however the lock is
    /// given back: for jobs, which a second host with another clock must not run again at once. At most
    /// the ttl. Defaults to zero: it is free as soon as it is given back.
    ///
    /// A lock that is given back earlier is shortened to what remains ([`Release::Kept`](crate::Release::Kept))
    /// and neither deleted nor handed over; what an extension under way does to it is taken back. Until it
    /// expires the lock is busy, also for this client, whose waiters wait for that;
    /// [`LockClient::shutdown`](crate::LockClient::shutdown) does not.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lock_runtime::{LockClient, LockError, Release};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), LockError> {
    /// # let client = LockClient::in_memory();
    /// let job = client.lock("report").min_hold(Duration::from_secs(5));
    /// let report = job.clone().acquire().await?; // done in no time
    /// assert_eq!(report.release().await?, Release::Kept);
    /// assert!(job.acquire().await.is_err_and(|error| error.is_busy()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn min_hold(mut self, min_hold: Duration) -> Self {
        self.options.min_hold = min_hold;
        self
    }

    /// What `#[distributed_lock]` does with a body whose lease is lost. Defaults to
    /// [`OnLost::Cancel`]; a guard held by hand is not affected.
    pub fn on_lost(mut self, on_lost: OnLost) -> Self {
        self.options.on_lost = on_lost;
        self
    }

    /// Draws a fencing token with the lock, for [`LockGuard::fencing_token`]: a number that grows with
    /// every fenced acquisition of the key, by which the resource can refuse a holder that comes too
    /// late. Taken by a script of its own, whatever [`LockRequest::form`] says. Defaults to none.
    ///
    /// The last one drawn is kept for 24 h at a key beside the lock's,
    /// `<prefix>fence:{<prefix><key>}`, or with the braces around a hash tag that the key has itself.
    pub fn fenced(mut self) -> Self {
        self.options.fence = true;
        self
    }

    /// The command that takes the lock. Defaults to the client's.
    pub fn form(mut self, form: AcquireForm) -> Self {
        self.options.form = Some(form);
        self
    }

    /// Whether the lock is given back in the background: then a guard that is dropped in time, but whose
    /// lock turns out to have been lost, is counted by
    /// [`LockClient::lost_after_return`](crate::LockClient::lost_after_return). [`LockGuard::release`]
    /// waits for its answer in any case. Defaults to the client's.
    pub fn release(mut self, mode: ReleaseMode) -> Self {
        self.options.release = Some(mode);
        self
    }

    /// The name shown to others as the holder's function, and by which traces and metrics call the lock. Defaults to `lock`.
    pub fn name(mut self, name: &'static str) -> Self {
        self.name.function = name;
        self
    }

    /// Takes all options at once: see [`LockOptions`] for an example.
    pub fn options(mut self, options: LockOptions) -> Self {
        self.options = options;
        self
    }

    /// Takes the lock, waiting as long as `wait` says.
    ///
    /// Cancellation safety: dropping the future gives up a lock that may have been taken.
    ///
    /// # Errors
    ///
    /// [`LockError::Busy`] or [`LockError::WaitTimeout`] if somebody else holds it,
    /// [`LockError::InvalidKey`] or [`LockError::InvalidOptions`] before anything is sent,
    /// [`LockError::WouldDeadlock`] and [`LockError::TooManyWaiters`] if it would wait and must not,
    /// [`LockError::Indeterminate`] if the store did not say, [`LockError::Backend`] if it failed,
    /// [`LockError::ShutDown`] after [`LockClient::shutdown`](crate::LockClient::shutdown).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, whose timers it needs.
    pub async fn acquire(self) -> Result<LockGuard, LockError> {
        if observe::listens() {
            // Boxed: where nobody listens it would be carried, and copied, for nothing.
            return Box::pin(self.acquire_and_tell()).await;
        }
        let keys = self.keys()?;
        acquire(&self.shared, &keys, &self.options, self.name).await
    }

    async fn acquire_and_tell(self) -> Result<LockGuard, LockError> {
        let asking = Asking::begins(self.name);
        let acquired = match self.keys() {
            Ok(keys) => acquire(&self.shared, &keys, &self.options, self.name).await,
            Err(error) => Err(error),
        };
        asking.ended(acquired.as_ref().map(LockGuard::key));
        acquired
    }

    /// What it is called where its options are refused.
    fn told(&self, key: &str) -> String {
        let function = self.name.function;
        match self.name.template {
            Some(template) => format!("lock `{}` of `{function}`", template.escape_debug()),
            None => format!("lock `{}`", key.escape_debug()),
        }
    }

    /// What it asks for, if that can be asked for.
    fn keys(&self) -> Result<Keys, LockError> {
        let key = prefixed(&self.shared.settings.prefix, &self.key)?;
        let options = self.options.validate();
        options.map_err(|error| error.with_options_of(|| self.told(&key)))?;
        let fence = self.options.fence;
        let fence = fence.then(|| fence_key(&self.shared.settings.prefix, &key));
        Ok(Keys {
            lock: key.into(),
            fence: fence.transpose()?,
        })
    }
}
