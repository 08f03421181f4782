//! Taking a lock: once, or waiting while it is busy.

use std::sync::Arc;

use tokio::time::Instant;

use crate::contender::{Answer, Call, Contender};
use crate::error::LockError;
use crate::guard::LockGuard;
use crate::inside;
use crate::lock_key::LockKey;
use crate::observe::Name;
use crate::options::LockOptions;
use crate::shared::Shared;
use crate::waiter::{Turn, Waiter};

/// The keys of one lock, as they go over the wire.
pub(crate) struct Keys {
    pub(crate) lock: LockKey,
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
    name: Name,
) -> Result<LockGuard, LockError> {
    let key = &keys.lock;
    let call = Call {
        shared,
        key,
        fence_key: keys.fence.as_deref(),
        options,
        name,
    };
    if !options.wait.is_zero()
        && let Some(function) = inside::holder(shared, key)
    {
        let key = key.to_string();
        return Err(LockError::WouldDeadlock { key, function });
    }
    if options.wait.is_zero() {
        return call.try_once().await;
    }
    // Boxed: calls that do not wait would carry it.
    let mut taken = Box::pin(call.wait());
    tokio::select! {
        biased;
        () = shared.releases.shutting_down() => Err(LockError::ShutDown { key: key.to_string() }),
        guard = &mut taken => guard,
    }
}

impl Call<'_> {
    /// A shutdown does not wake it: what it got meanwhile is given back by its place, whatever its `min_hold`, and
    /// what it was told does not count.
    async fn try_once(&self) -> Result<LockGuard, LockError> {
        let shut_down = || LockError::ShutDown {
            key: self.key.to_string(),
        };
        if self.shared.releases.is_shut_down() {
            return Err(shut_down());
        }
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
        match contender.ask(None).await {
            _ if self.shared.releases.is_shut_down() => Err(shut_down()),
            Ok(Answer::Held(lease)) => Ok(contender.guard(lease)),
            Ok(Answer::Busy(holder, _)) => Err(busy(Some(holder))),
            Err(error) => Err(error),
        }
    }

    /// `wait` counts the time during which the lock is busy: a command under way is not cut off.
    async fn wait(&self) -> Result<LockGuard, LockError> {
        let give_up = Instant::now() + self.options.wait;
        let mut waiter = Waiter::join(self)?;
        while Instant::now() < give_up {
            match waiter.turn(give_up).await {
                Turn::Inherited(inheritance) => {
                    let (mut heir, since) = Contender::heir(self, inheritance);
                    if let Some(lease) = heir.inherited(since) {
                        return Ok(heir.guard(lease));
                    }
                    if Instant::now() >= give_up {
                        break;
                    }
                    match heir.ask(Some(give_up)).await? {
                        Answer::Held(lease) => return Ok(heir.guard(lease)),
                        Answer::Busy(holder, _) => waiter.was_late(&holder),
                    }
                }
                Turn::Passed(contender, lease, claim) => {
                    return Ok(contender.guard_with(lease, Some(claim)));
                }
                Turn::Ask if Instant::now() < give_up => {
                    if let Some(guard) = waiter.ask(give_up).await? {
                        return Ok(guard);
                    }
                }
                Turn::Ask => {}
            }
        }
        self.served()?;
        Err(LockError::WaitTimeout {
            key: self.key.to_string(),
            waited: self.options.wait,
            holder: waiter.line.seen(),
        })
    }

    /// Fails if the head in line cannot ask the store: the lock is not busy then, as far as we know.
    fn served(&self) -> Result<(), LockError> {
        match self.shared.lines.failure(self.key) {
            Some(cause) => Err(LockError::backend(&**self.key, cause)),
            None => Ok(()),
        }
    }
}
