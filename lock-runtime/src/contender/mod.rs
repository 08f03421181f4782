//! One call at the store: held, busy, or unknown until a check says which.

mod call;
mod granted;
mod take;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

pub(crate) use self::call::{Answer, Call};
use self::take::Taken;
use crate::chance::jitter;
use crate::deadline::by;
use crate::error::{LockError, StoreError, StoreErrorKind};
use crate::fence::FencingToken;
use crate::lease::{Claim, Lease, trusted};
use crate::observe::Giver;
use crate::release::{InLine, Inheritance, Place};
use crate::shared::Shared;
use crate::standing::Standing;
use crate::store::{LockSession, Stored};
use crate::token::{LockToken, Ownership};
use crate::wait::Expiry;

/// Between two attempts, of which chance leaves a part.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// SETs without an answer after which a call that waits gives up: each keeps a connection, by which
/// alone it can be released.
const MOST_UNANSWERED: usize = 8;

/// What came of one attempt. `None`: the key was neither ours nor another's.
type Asked = Option<Answer>;

/// A connection for news is waited for so long before the first question in line.
const EAR_WAIT: Duration = Duration::from_millis(100);

/// One acquire call at the store, with one token for all it sends.
pub(crate) struct Contender<'a> {
    call: Call<'a>,
    token: LockToken,
    place: Box<Place>,
    fence: Option<FencingToken>,
    /// From when on it stands in line.
    standing: Option<Standing>,
    /// There was no line to be had.
    lineless: bool,
    /// How long it means to wait on, for the line to be kept.
    give_up: Option<Instant>,
    /// Until when it lets releases of this client go first; from the first question on.
    patience: Option<Instant>,
    /// Who gave it the lock, if it was not free.
    giver: Option<Giver>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(call: &Call<'a>) -> Result<Self, LockError> {
        let Call {
            shared,
            key,
            options,
            name,
            ..
        } = call;
        let hold = options.renew.unwrap_or_default();
        let token = LockToken::new(name.function, options.ttl, hold);
        let (own, label) = ((*key).clone(), (*name).into());
        let place = Place::reserve(&shared.releases, own, token.clone(), options.ttl, label);
        let shut_down = || LockError::ShutDown {
            key: key.to_string(),
        };
        Ok(Self::with(call, token, place.ok_or_else(shut_down)?))
    }

    fn with(call: &Call<'a>, token: LockToken, place: Box<Place>) -> Self {
        Self {
            call: *call,
            token,
            place,
            fence: None,
            standing: None,
            lineless: false,
            give_up: None,
            patience: None,
            giver: None,
        }
    }

    /// One whom a release of this client has put in line.
    pub(crate) fn in_line(call: &Call<'a>, queued: InLine) -> Self {
        Self {
            standing: Some(queued.standing),
            patience: Some(Instant::now()),
            ..Self::with(call, queued.token, queued.place)
        }
    }

    /// One who got the lock handed over, and has to ask only if that was too long ago.
    pub(crate) fn heir(call: &Call<'a>, inheritance: Inheritance) -> (Self, Instant) {
        let heir = Self {
            fence: inheritance.fence,
            patience: Some(Instant::now()),
            giver: Some(Giver::ThisClient),
            ..Self::with(call, inheritance.token, inheritance.place)
        };
        (heir, inheritance.since)
    }

    /// The lease that was handed over at `since`, unless it has to be extended first.
    pub(crate) fn inherited(&self, since: Instant) -> Option<Lease> {
        let deadline = since + trusted(self.call.options.ttl);
        let acknowledged = self.call.shared.settings.acks.is_none();
        (acknowledged && Instant::now() < deadline).then(|| self.lease(since))
    }

    pub(crate) fn standing(&mut self) -> Option<&mut Standing> {
        self.standing.as_mut()
    }

    /// Whether it should begin anew, with a fresh token: it is told in another way than when it joined,
    /// or stands in a line that is not to be had any more.
    pub(crate) fn is_outdated(&self) -> bool {
        let standing = self.standing.as_ref();
        standing.map_or_else(|| self.place.is_in_line(), Standing::is_outdated)
    }

    /// Takes its place in line with the next question, if there is a line to be had.
    ///
    /// Cancellation safety: nothing is sent.
    pub(crate) async fn stand(&mut self) -> bool {
        let Call { shared, key, .. } = self.call;
        if self.lineless || shared.line_of(key).is_none() {
            return false;
        }
        let Some(listener) = shared.store.listen(key.text(), &self.token) else {
            return false;
        };
        // Without an answer it looks by itself.
        let _ = timeout(EAR_WAIT, listener.ready()).await;
        let claim = shared.settings.claim.min(self.call.options.ttl);
        self.standing = Some(Standing::new(&self.token, claim, listener));
        true
    }

    /// The lock was passed on to it, as it is told: its lease, if that is sure. Otherwise it has to ask.
    pub(crate) fn passed(&mut self) -> Option<(Lease, Claim)> {
        let Call {
            shared, fence_key, ..
        } = self.call;
        if shared.settings.acks.is_some() || fence_key.is_some() {
            return None;
        }
        let standing = self.standing.as_ref()?;
        let since = standing.since()?;
        let deadline = standing.trusted(since);
        let length = standing.head.claim();
        // What is left has to last until it is extended, or the body would be cut off.
        if Instant::now() + length / 4 >= deadline {
            return None;
        }
        self.place.passed(since);
        self.giver = Some(Giver::OtherClient);
        let limit = self.call.options.renew.map(|hold| since + hold);
        Some((Lease::new(deadline, limit), Claim { since, length }))
    }

    /// Asks until the store has said yes or no, at most for one command deadline or until `give_up`,
    /// whichever is later: a server that restarts or loads its data is waited for.
    pub(crate) async fn ask(&mut self, give_up: Option<Instant>) -> Result<Answer, LockError> {
        let limit = self.call.shared.settings.command_deadline;
        let asked = Instant::now();
        let deadline = (asked + limit).max(give_up.unwrap_or(asked));
        self.give_up = give_up;
        self.patience.get_or_insert(asked + limit / 2);
        let mut cause = None;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.attempt(deadline).await {
                Some(Ok(Some(answer))) => {
                    self.call.shared.lines.note_failure(self.call.key, None);
                    return Ok(answer);
                }
                // Free again before we could use it: the next attempt is a fresh one.
                Some(Ok(None)) => cause = Some(StoreError::late(self.call.options.ttl)),
                Some(Err(error)) if error.is_final() => return Err(self.failed(error)),
                Some(Err(error)) => {
                    let lines = &self.call.shared.lines;
                    lines.note_failure(self.call.key, Some(&error));
                    cause = Some(error);
                }
                None => {}
            }
            if self.place.unanswered() >= MOST_UNANSWERED
                || self.call.shared.releases.is_shut_down()
            {
                break;
            }
            sleep_until(deadline.min(Instant::now() + pause.mul_f64(jitter()))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            if Instant::now() >= deadline {
                break;
            }
        }
        Err(self.failed(cause.unwrap_or_else(|| StoreError::silent(deadline - asked))))
    }

    fn failed(&self, cause: StoreError) -> LockError {
        let key = self.call.key.to_string();
        let known = cause.kind() == StoreErrorKind::Unreplicated;
        if self.place.is_in_doubt() && !known {
            LockError::Indeterminate { key, cause }
        } else {
            LockError::backend(key, cause)
        }
    }

    /// One SET, and a check if its answer stays out. `None`: no answer until the deadline. A session may take
    /// longer to be had than a command is waited for, so that it is timed by itself.
    async fn attempt(&mut self, deadline: Instant) -> Option<Result<Asked, StoreError>> {
        let Shared { settings, .. } = &**self.call.shared;
        // Hardly ever waited for.
        let session = by(deadline, pin!(self.call.shared.session()), || false).await?;
        let session = match session {
            Ok(session) => session,
            Err(error) => return Some(Err(error)),
        };
        let response_timeout = settings.response_timeout();
        let ends = || Instant::now() + response_timeout <= deadline;
        by(deadline, pin!(self.attempt_on(session)), ends).await
    }

    /// Cancellation safety: a SET is taken note of before its first poll.
    async fn attempt_on(&mut self, session: Arc<dyn LockSession>) -> Result<Asked, StoreError> {
        match self.take_behind(&session).await {
            Ok(Taken::Granted) => {
                let since = self.place.granted(&session);
                self.held(since, &session).await
            }
            Ok(Taken::Found) => {
                let since = self.place.found_by_set(&session);
                self.found(since, &session).await
            }
            Ok(Taken::Busy(stored, expiry)) => {
                self.call.shared.lines.stands(self.call.key, &stored);
                self.place.missed(&session);
                self.leaves_session().await;
                Ok(Some(Answer::Busy(stored.holder(), expiry)))
            }
            // Only the script that drew the fence can tell it: sent again, it compares as well.
            Err(error) if error.is_ambiguous() && self.call.fence_key.is_some() => Err(error),
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

    /// What GET says after a SET without an answer. Free is not final: the SET may be on its way.
    async fn check(&mut self, cause: StoreError) -> Result<Asked, StoreError> {
        let session = self.call.shared.session().await?;
        let found = session.inspect(self.call.key).await?;
        match Stored::compared(found.as_ref(), &self.token) {
            Ownership::Mine => {
                let since = self.place.found(&session);
                self.found(since, &session).await
            }
            Ownership::Other(holder) => {
                self.place.missed(&session);
                Ok(Some(Answer::Busy(holder, Expiry::Unknown)))
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
    ) -> Result<Asked, StoreError> {
        match since {
            None => Ok(None),
            Some(since) if self.in_time(since).is_ok() => self.acknowledged(since, session).await,
            Some(_) => self.extended(session).await,
        }
    }

    /// The same where the session has only looked at the key: a replica acknowledges what was written
    /// on the session that waits for it, nothing else. And what was passed on lasts for a claim alone.
    async fn found(
        &mut self,
        since: Option<Instant>,
        session: &Arc<dyn LockSession>,
    ) -> Result<Asked, StoreError> {
        match since {
            Some(_) if self.call.shared.settings.acks.is_some() || self.place.is_in_line() => {
                self.extended(session).await
            }
            since => self.held(since, session).await,
        }
    }

    async fn extended(&mut self, session: &Arc<dyn LockSession>) -> Result<Asked, StoreError> {
        let sent = Instant::now();
        if !session
            .extend(self.call.key, &self.token, self.call.options.ttl)
            .await?
        {
            self.place.missed(session);
            return Ok(None);
        }
        self.in_time(sent)?;
        self.acknowledged(sent, session).await
    }

    async fn acknowledged(
        &mut self,
        since: Instant,
        session: &Arc<dyn LockSession>,
    ) -> Result<Asked, StoreError> {
        if self.call.shared.settings.acks.is_some() {
            self.call.shared.acknowledged(&**session).await?;
            self.leaves_session().await;
            self.in_time(since)?;
        }
        Ok(Some(Answer::Held(self.lease(since))))
    }

    /// With acks every command has a session to itself, which is for others now: whatever is to be
    /// released goes down the usual one.
    async fn leaves_session(&mut self) {
        if self.call.shared.settings.acks.is_some()
            && self.place.may_stand()
            && let Ok(usual) = self.call.shared.store.session().await
        {
            self.place.moves_to(usual);
        }
    }

    /// Whether a lease that counts from `since` lasts still.
    fn in_time(&self, since: Instant) -> Result<(), StoreError> {
        let ttl = self.call.options.ttl;
        let lasts = Instant::now() < since + trusted(ttl);
        lasts.then_some(()).ok_or_else(|| StoreError::late(ttl))
    }

    fn lease(&self, since: Instant) -> Lease {
        let options = self.call.options;
        let limit = options.renew.map(|hold| since + hold);
        Lease::new(since + trusted(options.ttl), limit)
    }
}
