//! Taking a lock: held, busy, or unknown until a check says which.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::client::Shared;
use crate::error::LockError;
use crate::guard::LockGuard;
use crate::lease::{Lease, trusted};
use crate::options::{AcquireForm, LockOptions};
use crate::release::Place;
use crate::store::{LockSession, StoreError, Stored};
use crate::token::{Holder, LockToken, Ownership};
use crate::wait::{InLine, Polls, jitter};

const RETRY_CAP: Duration = Duration::from_millis(50);

/// Takes the lock `key`, waiting as `options` say.
///
/// Cancellation safety: a token that may have reached the store is released by the worker.
pub(crate) async fn acquire(
    shared: &Arc<Shared>,
    key: Arc<str>,
    options: &LockOptions,
    function: &str,
) -> Result<LockGuard, LockError> {
    let mut closing = shared.closing.subscribe();
    tokio::select! {
        biased;
        // The sender lives in `shared`, so only `true` ends this.
        _ = closing.wait_for(|closing| *closing) => Err(LockError::ShutDown { key: key.to_string() }),
        guard = contend(shared, &key, options, function) => guard,
    }
}

async fn contend(
    shared: &Arc<Shared>,
    key: &Arc<str>,
    options: &LockOptions,
    function: &str,
) -> Result<LockGuard, LockError> {
    if options.wait.is_zero() {
        shared.releases.written(key).await;
        // To ask the store now would be to overtake those in line.
        if shared.lines.occupied(key) {
            return Err(busy(key, shared.lines.seen(key)));
        }
        return match Contender::new(shared, key, options, function).ask().await? {
            Answer::Held(guard) => Ok(guard),
            Answer::Busy(holder) => Err(busy(key, Some(holder))),
        };
    }
    let give_up = Instant::now() + options.wait;
    let mut line = shared.lines.join(key);
    match timeout_at(
        give_up,
        wait_in(&mut line, shared, key, options, function, give_up),
    )
    .await
    {
        Ok(guard) => guard,
        Err(_) => Err(LockError::WaitTimeout {
            key: key.to_string(),
            waited: options.wait,
            holder: line.seen(),
        }),
    }
}

/// Contends as the head of the line. Cut off by its caller at `give_up`, or by a lost connection.
async fn wait_in(
    line: &mut InLine,
    shared: &Arc<Shared>,
    key: &Arc<str>,
    options: &LockOptions,
    function: &str,
    give_up: Instant,
) -> Result<LockGuard, LockError> {
    line.turn().await;
    let mut contender = Contender::new(shared, key, options, function);
    let mut polls = Polls::new();
    let mut last: Option<Holder> = None;
    loop {
        let holder = match contender.ask().await? {
            Answer::Held(guard) => return Ok(guard),
            Answer::Busy(holder) => holder,
        };
        line.saw(&holder);
        if last.as_ref() != Some(&holder) || polls.wants_expiry() {
            polls.expires(contender.holders_expiry().await);
            last = Some(holder);
        }
        let next = polls.next().min(give_up);
        tokio::select! {
            biased;
            () = line.freed() => {}
            () = tokio::time::sleep_until(next) => {}
        }
    }
}

fn busy(key: &Arc<str>, holder: Option<Holder>) -> LockError {
    LockError::Busy {
        key: key.to_string(),
        holder,
    }
}

enum Answer {
    Held(LockGuard),
    Busy(Holder),
}

/// One acquire call at the store, with one token for all it sends.
struct Contender<'a> {
    shared: &'a Arc<Shared>,
    key: &'a Arc<str>,
    options: &'a LockOptions,
    form: AcquireForm,
    started: Instant,
    /// Taken by the guard that the call ends with.
    place: Option<Place>,
    token: LockToken,
    /// SETs without an answer that may yet run.
    unanswered: Vec<Sent>,
}

struct Sent {
    at: Instant,
    session: Arc<dyn LockSession>,
}

impl<'a> Contender<'a> {
    fn new(
        shared: &'a Arc<Shared>,
        key: &'a Arc<str>,
        options: &'a LockOptions,
        function: &str,
    ) -> Self {
        let token = LockToken::new(function, options.ttl, options.renew.unwrap_or_default());
        Self {
            shared,
            key,
            options,
            form: options.form.unwrap_or(shared.form),
            started: Instant::now(),
            place: Some(
                shared
                    .releases
                    .reserve(key.clone(), token.clone(), options.ttl),
            ),
            token,
            unanswered: Vec::new(),
        }
    }

    /// Asks until the store has said yes or no, at most for one command deadline.
    async fn ask(&mut self) -> Result<Answer, LockError> {
        let deadline = Instant::now() + self.shared.command_deadline;
        let mut cause;
        loop {
            match self.attempt().await {
                Ok(Some(answer)) => return Ok(answer),
                // Free again before we could use it: the next attempt is a fresh one.
                Ok(None) => cause = None,
                Err(error) if error.is_final() => return Err(self.failed(error)),
                Err(error) => cause = Some(error),
            }
            if Instant::now() >= deadline {
                let silent = || {
                    let kind = crate::store::StoreErrorKind::Timeout;
                    StoreError::new(kind, "every answer came after the ttl was over")
                };
                return Err(self.failed(cause.unwrap_or_else(silent)));
            }
            sleep(RETRY_CAP.mul_f64(jitter())).await;
        }
    }

    fn failed(&self, cause: StoreError) -> LockError {
        let key = self.key.to_string();
        if self.unanswered.is_empty() {
            LockError::Backend { key, cause }
        } else {
            LockError::Indeterminate { key, cause }
        }
    }

    /// One SET, and a check if its answer stays out. `None`: neither ours nor another's.
    async fn attempt(&mut self) -> Result<Option<Answer>, StoreError> {
        self.shared.releases.written(self.key).await;
        let session = self.shared.store.session().await?;
        if let Some(place) = &mut self.place {
            // Armed before the first poll of the SET: from then on it may reach the store.
            place.arm(session.clone());
        }
        let at = Instant::now();
        let ttl = self.options.ttl;
        match session.acquire(self.key, &self.token, ttl, self.form).await {
            Ok(None) => {
                self.answered(&session);
                self.held(at, &session).await
            }
            Ok(Some(stored)) if stored.is(&self.token) => {
                let first = self.unanswered.first().map_or(self.started, |sent| sent.at);
                self.answered(&session);
                self.held(first, &session).await
            }
            Ok(Some(stored)) => {
                self.answered(&session);
                Ok(Some(Answer::Busy(stored.holder())))
            }
            Err(error) if error.is_ambiguous() => {
                self.unanswered.push(Sent { at, session });
                self.check(error).await
            }
            Err(error) => {
                if self.unanswered.is_empty() {
                    self.disarm();
                }
                Err(error)
            }
        }
    }

    /// What GET says after a SET without an answer. Free is not final: the SET may be on its way.
    async fn check(&mut self, cause: StoreError) -> Result<Option<Answer>, StoreError> {
        let session = self.shared.store.session().await?;
        let found = session.inspect(self.key).await?;
        let found = found.as_ref().map(|(stored, _)| stored);
        match Stored::compared(found, &self.token) {
            Ownership::Free => Err(cause),
            Ownership::Other(holder) => {
                self.answered(&session);
                Ok(Some(Answer::Busy(holder)))
            }
            Ownership::Mine => {
                let first = self.unanswered.first().map_or(self.started, |sent| sent.at);
                if self.unanswered.len() == 1 {
                    // The one that may have run has run.
                    self.unanswered.clear();
                }
                self.answered(&session);
                self.held(first, &session).await
            }
        }
    }

    /// An answer on a session answers everything sent on it before: servers keep the order.
    fn answered(&mut self, session: &Arc<dyn LockSession>) {
        self.unanswered
            .retain(|sent| !Arc::ptr_eq(&sent.session, session));
        if self.unanswered.is_empty() {
            self.disarm();
        }
    }

    fn disarm(&mut self) {
        if let Some(place) = &mut self.place {
            place.disarm();
        }
    }

    /// Our token was at the key after a SET sent at `at`.
    async fn held(
        &mut self,
        at: Instant,
        session: &Arc<dyn LockSession>,
    ) -> Result<Option<Answer>, StoreError> {
        let ttl = self.options.ttl;
        let Some(place) = &mut self.place else {
            return Ok(None);
        };
        place.arm(session.clone());
        let mut deadline = at + trusted(ttl);
        if Instant::now() >= deadline {
            let sent = Instant::now();
            if !session.extend(self.key, &self.token, ttl).await? {
                return Ok(None);
            }
            deadline = sent + trusted(ttl);
        }
        let lease = Lease::new(deadline, self.options.renew.map(|hold| at + hold));
        let settled = self.unanswered.is_empty();
        let place = self.place.take();
        Ok(place.map(|place| {
            Answer::Held(LockGuard::new(
                self.shared,
                self.key,
                place,
                lease,
                self.options,
                settled,
            ))
        }))
    }

    /// When the present holder's key expires, for the timer of the head in line.
    async fn holders_expiry(&self) -> Option<Instant> {
        let asked = self.shared.store.session().await.ok()?;
        let (_, left) = asked.inspect(self.key).await.ok()??;
        // PTTL rounds: a millisecond later the key is gone for sure.
        left.map(|left| Instant::now() + left + Duration::from_millis(1))
    }
}
