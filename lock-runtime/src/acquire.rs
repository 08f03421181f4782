//! Taking a lock: held, busy, or unknown until a check says which.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::{LockError, StoreError, StoreErrorKind};
use crate::fence::FencingToken;
use crate::guard::LockGuard;
use crate::lease::{Lease, trusted};
use crate::options::{AcquireForm, LockOptions};
use crate::release::Place;
use crate::shared::Shared;
use crate::store::{Fenced, LockSession, Stored};
use crate::token::{Holder, LockToken, Ownership};
use crate::wait::{Expiry, Polls, jitter};

const RETRY_CAP: Duration = Duration::from_millis(50);

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
    function: &str,
) -> Result<LockGuard, LockError> {
    let mut closing = shared.closing.subscribe();
    let key = &keys.lock;
    let call = Call {
        shared,
        key,
        fence_key: keys.fence.as_deref(),
        options,
        function,
    };
    let taken = async {
        if options.wait.is_zero() {
            call.try_once().await
        } else {
            call.wait().await
        }
    };
    tokio::select! {
        biased;
        // The sender lives in `shared`, so only `true` ends this.
        _ = closing.wait_for(|closing| *closing) => Err(LockError::ShutDown { key: key.to_string() }),
        guard = taken => guard,
    }
}

struct Call<'a> {
    shared: &'a Arc<Shared>,
    key: &'a Arc<str>,
    fence_key: Option<&'a str>,
    options: &'a LockOptions,
    function: &'a str,
}

impl Call<'_> {
    async fn try_once(&self) -> Result<LockGuard, LockError> {
        let busy = |holder| LockError::Busy {
            key: self.key.to_string(),
            holder,
        };
        // To ask the store now would be to overtake those in line.
        if self.shared.lines.occupied(self.key) {
            return Err(busy(self.shared.lines.seen(self.key)));
        }
        let mut contender = Contender::new(self)?;
        match contender.ask().await? {
            Answer::Held(lease) => Ok(contender.guard(lease)),
            Answer::Busy(holder) => Err(busy(Some(holder))),
        }
    }

    /// `wait` counts the time during which the lock is busy: a command under way is not cut off.
    async fn wait(&self) -> Result<LockGuard, LockError> {
        let give_up = Instant::now() + self.options.wait;
        let mut line = self.shared.lines.join(self.key);
        if timeout_at(give_up, line.turn()).await.is_ok() {
            let mut contender = Contender::new(self)?;
            let mut polls = Polls::new();
            let mut last: Option<Holder> = None;
            while Instant::now() < give_up {
                let holder = match contender.ask().await? {
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
        Err(LockError::WaitTimeout {
            key: self.key.to_string(),
            waited: self.options.wait,
            holder: line.seen(),
        })
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

enum Answer {
    Held(Lease),
    Busy(Holder),
}

/// One acquire call at the store, with one token for all it sends.
struct Contender<'a> {
    shared: &'a Arc<Shared>,
    key: &'a Arc<str>,
    fence_key: Option<&'a str>,
    options: &'a LockOptions,
    form: AcquireForm,
    token: LockToken,
    place: Place,
    fence: Option<FencingToken>,
    gave_way: bool,
}

/// What a SET did.
enum Taken {
    /// The key was free and holds our token now.
    Granted,
    /// Our token stood there already.
    Found,
    Busy(Holder),
}

impl<'a> Contender<'a> {
    fn new(call: &Call<'a>) -> Result<Self, LockError> {
        let Call {
            shared,
            key,
            fence_key,
            options,
            function,
        } = *call;
        let token = LockToken::new(function, options.ttl, options.renew.unwrap_or_default());
        let place = Place::reserve(&shared.releases, key.clone(), token.clone(), options.ttl);
        let shut_down = || LockError::ShutDown {
            key: key.to_string(),
        };
        Ok(Self {
            shared,
            key,
            fence_key,
            options,
            form: options.form.unwrap_or(shared.form),
            token,
            place: place.ok_or_else(shut_down)?,
            fence: None,
            gave_way: false,
        })
    }

    /// Asks until the store has said yes or no, at most for one command deadline.
    async fn ask(&mut self) -> Result<Answer, LockError> {
        let limit = self.shared.command_deadline;
        let deadline = Instant::now() + limit;
        if !std::mem::replace(&mut self.gave_way, true) {
            self.give_way(deadline).await;
        }
        let mut cause = None;
        while Instant::now() < deadline {
            match timeout_at(deadline, self.attempt()).await {
                Ok(Ok(Some(answer))) => return Ok(answer),
                // Free again before we could use it: the next attempt is a fresh one.
                Ok(Ok(None)) => cause = Some(StoreError::late(self.options.ttl)),
                Ok(Err(error)) if error.is_final() => return Err(self.failed(error)),
                Ok(Err(error)) => cause = Some(error),
                Err(_) => {}
            }
            sleep_until(deadline.min(Instant::now() + RETRY_CAP.mul_f64(jitter()))).await;
        }
        Err(self.failed(cause.unwrap_or_else(|| StoreError::silent(limit))))
    }

    /// Lets a release of this client for the same key go first, or the call would be busy against
    /// itself. Not for long: the worker that has it may be in a runtime that stands still.
    async fn give_way(&self, deadline: Instant) {
        let patience = deadline - self.shared.command_deadline / 2;
        // What follows is right either way.
        let _ = timeout_at(patience, self.shared.releases.all_written(self.key)).await;
    }

    fn guard(self, lease: Lease) -> LockGuard {
        LockGuard::new(
            self.shared,
            self.key,
            self.place,
            lease,
            self.fence,
            self.options,
        )
    }

    fn failed(&self, cause: StoreError) -> LockError {
        let key = self.key.to_string();
        if self.place.may_stand() {
            LockError::Indeterminate { key, cause }
        } else {
            LockError::backend(key, cause)
        }
    }

    /// One SET, and a check if its answer stays out. `None`: neither ours nor another's.
    ///
    /// Cancellation safety: a SET is taken note of before its first poll.
    async fn attempt(&mut self) -> Result<Option<Answer>, StoreError> {
        let session = self.shared.store.session().await?;
        self.place.sending(&session);
        match self.take(&session).await {
            Ok(Taken::Granted) => {
                let since = self.place.granted(&session);
                self.held(since, &session).await
            }
            Ok(Taken::Found) => {
                let since = self.place.found_by_set(&session);
                self.held(since, &session).await
            }
            Ok(Taken::Busy(holder)) => {
                self.place.missed(&session);
                Ok(Some(Answer::Busy(holder)))
            }
            // Only the script that drew the fence can tell it: sent again, it compares as well.
            Err(error) if error.is_ambiguous() && self.fence_key.is_some() => Err(error),
            Err(error) if error.is_ambiguous() => self.check(error).await,
            Err(error) if error.kind() == StoreErrorKind::Unreachable => {
                self.place.not_sent();
                Err(error)
            }
            Err(error) => {
                self.place.refused(&session);
                Err(error)
            }
        }
    }

    async fn take(&mut self, session: &Arc<dyn LockSession>) -> Result<Taken, StoreError> {
        let (key, ours, ttl) = (self.key, &self.token, self.options.ttl);
        let Some(fence_key) = self.fence_key else {
            let found = session.acquire(key, ours, ttl, self.form).await?;
            return Ok(match found {
                None => Taken::Granted,
                Some(stored) if stored.is(ours) => Taken::Found,
                Some(stored) => Taken::Busy(stored.holder()),
            });
        };
        let (fence, taken) = match session.acquire_fenced(key, fence_key, ours, ttl).await? {
            Fenced::Granted(fence) => (fence, Taken::Granted),
            Fenced::Ours(fence) => (fence, Taken::Found),
            Fenced::Held(stored) => return Ok(Taken::Busy(stored.holder())),
        };
        self.fence = Some(fence);
        Ok(taken)
    }

    /// What GET says after a SET without an answer. Free is not final: the SET may be on its way.
    async fn check(&mut self, cause: StoreError) -> Result<Option<Answer>, StoreError> {
        let session = self.shared.store.session().await?;
        let found = session.inspect(self.key).await?;
        match Stored::compared(found.as_ref(), &self.token) {
            Ownership::Mine => {
                let since = self.place.found(&session);
                self.held(since, &session).await
            }
            Ownership::Other(holder) => {
                self.place.missed(&session);
                Ok(Some(Answer::Busy(holder)))
            }
            Ownership::Free => {
                self.place.missed(&session);
                Err(cause)
            }
        }
    }

    /// Our token was at the key, since no earlier than that. `None`: it is not any more.
    async fn held(
        &mut self,
        since: Option<Instant>,
        session: &Arc<dyn LockSession>,
    ) -> Result<Option<Answer>, StoreError> {
        let Some(mut since) = since else {
            return Ok(None);
        };
        let ttl = self.options.ttl;
        let mut deadline = since + trusted(ttl);
        if Instant::now() >= deadline {
            let sent = Instant::now();
            if !session.extend(self.key, &self.token, ttl).await? {
                self.place.missed(session);
                return Ok(None);
            }
            since = sent;
            deadline = sent + trusted(ttl);
        }
        let limit = self.options.renew.map(|hold| since + hold);
        Ok(Some(Answer::Held(Lease::new(deadline, limit))))
    }
}
