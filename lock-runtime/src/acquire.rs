//! Taking a lock: once, or waiting while it is busy.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::contender::{Answer, Call, Contender};
use crate::error::LockError;
use crate::guard::LockGuard;
use crate::inside;
use crate::options::LockOptions;
use crate::shared::Shared;
use crate::token::Holder;
use crate::wait::{Expiry, Full, Polls};

/// The keys of one lock, as they go over the wire.
pub(crate) struct Keys {
    pub(crate) lock: Arc<str>,
    /// For a fenced lock.
    pub(crate) fence: Option<String>,
}

/// Takes the lock, waiting as `options` say.
///
/// Cancellation safety: a token that may have reached the store is released by the worker.
pub(crate) async fn acquire(
    shared: &Arc<Shared>,
    keys: &Keys,
    options: &LockOptions,
    function: &'static str,
) -> Result<LockGuard, LockError> {
    let key = &keys.lock;
    let call = Call {
        shared,
        key,
        fence_key: keys.fence.as_deref(),
        options,
        function,
    };
    if !options.wait.is_zero()
        && let Some(function) = inside::holder(shared, key)
    {
        let key = key.to_string();
        return Err(LockError::WouldDeadlock { key, function });
    }
    let taken = async {
        if options.wait.is_zero() {
            call.try_once().await
        } else {
            call.wait().await
        }
    };
    tokio::select! {
        biased;
        () = shared.releases.shutting_down() => Err(LockError::ShutDown { key: key.to_string() }),
        guard = taken => guard,
    }
}

impl Call<'_> {
    async fn try_once(&self) -> Result<LockGuard, LockError> {
        let busy = |holder| LockError::Busy {
            key: self.key.to_string(),
            holder,
        };
        // To ask the store now would be to overtake those in line.
        if self.shared.lines.occupied(self.key) {
            self.served()?;
            return Err(busy(self.shared.lines.seen(self.key)));
        }
        let mut contender = Contender::new(self)?;
        match contender.ask(Instant::now()).await? {
            Answer::Held(lease) => Ok(contender.guard(lease)),
            Answer::Busy(holder) => Err(busy(Some(holder))),
        }
    }

    /// `wait` counts the time during which the lock is busy: a command under way is not cut off.
    async fn wait(&self) -> Result<LockGuard, LockError> {
        let give_up = Instant::now() + self.options.wait;
        let mut line = self.shared.lines.join(self.key).map_err(|full| {
            let Full { setting, limit } = full;
            LockError::TooManyWaiters {
                key: self.key.to_string(),
                setting,
                limit,
            }
        })?;
        if timeout_at(give_up, line.turn()).await.is_ok() {
            let mut contender = Contender::new(self)?;
            let mut polls = Polls::new();
            let mut last: Option<Holder> = None;
            while Instant::now() < give_up {
                let holder = match contender.ask(give_up).await? {
                    Answer::Held(lease) => return Ok(contender.guard(lease)),
                    Answer::Busy(holder) => holder,
                };
                line.saw(&holder);
                if polls.wants_expiry() || last.as_ref() != Some(&holder) {
                    let expiry = timeout_at(give_up, self.holders_expiry()).await;
                    polls.expires(expiry.unwrap_or(Expiry::Unknown));
                    last = Some(holder);
                }
                tokio::select! {
                    biased;
                    () = line.freed() => {}
                    () = sleep_until(polls.next().min(give_up)) => {}
                }
            }
        }
        self.served()?;
        Err(LockError::WaitTimeout {
            key: self.key.to_string(),
            waited: self.options.wait,
            holder: line.seen(),
        })
    }

    /// Fails if the head in line cannot ask the store: the lock is not busy then, as far as we know.
    fn served(&self) -> Result<(), LockError> {
        match self.shared.lines.failure(self.key) {
            Some(cause) => Err(LockError::backend(&**self.key, cause)),
            None => Ok(()),
        }
    }

    /// When the present holder's key expires, for the timer of the head in line.
    async fn holders_expiry(&self) -> Expiry {
        let Ok(Some((_, left))) = self.shared.inspect(self.key).await else {
            return Expiry::Unknown;
        };
        // PTTL rounds: a millisecond later the key is gone for sure. Beyond what a clock can tell
        // is as good as never.
        let expiry = left.and_then(|left| left.checked_add(Duration::from_millis(1)));
        let expiry = expiry.and_then(|left| Instant::now().checked_add(left));
        expiry.map_or(Expiry::Never, Expiry::At)
    }
}
