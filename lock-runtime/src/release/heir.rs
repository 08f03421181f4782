//! Handing a lock over: the token of a waiter takes the place of the one that is given back, or queues
//! up in the line on the server while the lock goes to others.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::job::{Job, Released};
use super::place::Place;
use super::queue::Releases;
use super::stay::left;
use crate::chance::jitter;
use crate::error::{StoreError, StoreErrorKind};
use crate::fence::FencingToken;
use crate::line::{Left, Next};
use crate::observe::Name;
use crate::standing::Standing;
use crate::store::{LockSession, Position, Release, Swap, Swapped};
use crate::token::LockToken;

/// Between two sendings of a swap, of which chance leaves a part.
const PAUSE: Duration = Duration::from_millis(50);

/// A waiter of this client, as far as a lock can be handed over to it.
pub(crate) struct Heir {
    pub(crate) name: Name,
    pub(crate) ttl: Duration,
    /// The longest hold, for the label of its token.
    pub(crate) hold: Duration,
    /// How long a lock that is passed on to it lasts at first.
    pub(crate) claim: Duration,
    pub(crate) fence_key: Option<Arc<str>>,
    /// How long an unanswered swap is sent again.
    pub(crate) command_deadline: Duration,
    /// How long it waits at most.
    pub(crate) give_up: Instant,
    pub(crate) reply: oneshot::Sender<Served>,
}

/// What a waiter is given.
pub(crate) enum Served {
    HandedOver(Inheritance),
    InLine(InLine),
}

/// A lock that was handed over. Dropped, it is released.
pub(crate) struct Inheritance {
    pub(crate) place: Box<Place>,
    pub(crate) token: LockToken,
    pub(crate) fence: Option<FencingToken>,
    /// From when its deadline counts.
    pub(crate) since: Instant,
}

/// A place in the line on the server. Dropped, it is given up.
pub(crate) struct InLine {
    pub(crate) place: Box<Place>,
    pub(crate) token: LockToken,
    pub(crate) standing: Standing,
    /// Whether the lock is its own already.
    pub(crate) served: bool,
}

impl Heir {
    fn token(&self) -> LockToken {
        LockToken::new(self.name.function, self.ttl, self.hold)
    }
}

impl Job {
    /// Gives the lock to the first in line instead of deleting it, if there is one and the token stands
    /// at the key as far as we know; or lets that one queue up where it is the turn of other clients.
    /// What is not settled here the job goes on to delete.
    ///
    /// Cancellation safety: the heir's place is armed before anything is sent, so that a token which
    /// nobody takes is deleted behind it.
    pub(super) async fn hand_over(&mut self, releases: &Arc<Releases>) {
        let [carrier] = &*self.carriers else { return };
        if left(self.stays_until).is_some() {
            return;
        }
        // With a SET on its way the old token could come back, and a swap of it then.
        if self.sent || !self.stood || carrier.unanswered > 0 || !carrier.session.is_open() {
            return;
        }
        let session = carrier.session.clone();
        let heir = |left: Left| left.downcast::<Heir>().ok();
        match releases.lines.next(&self.key) {
            Next::HandOver(id, left) => {
                if let Some(heir) = heir(left) {
                    self.swap_in(releases, session, id, *heir).await;
                }
            }
            Next::PassOn(left) => {
                if let Some(heir) = heir(left) {
                    self.pass_on(releases, session, *heir).await;
                }
            }
            Next::LetGo => {}
        }
    }

    async fn swap_in(
        &mut self,
        releases: &Arc<Releases>,
        mut session: Arc<dyn LockSession>,
        id: u64,
        heir: Heir,
    ) {
        let (key, token) = (self.key.clone(), heir.token());
        let line = releases.lines.key_of(&key);
        let Some(mut place) =
            Place::reserve(releases, key, token.clone(), heir.ttl, heir.name.into())
        else {
            return;
        };
        let deadline = Instant::now() + heir.command_deadline;
        loop {
            let first = !std::mem::replace(&mut self.sent, true);
            place.sending(&session);
            // Sent again, the same two tokens show what became of the first sending: once the old one is
            // gone from its key, no swap of it can land.
            let swapped = self.swap(&*session, line.as_deref(), &token, &heir).await;
            let swap = swapped.map(|swapped| {
                releases.lines.note_others(&self.key, swapped.others);
                swapped.swap
            });
            match swap {
                Ok(Swap::Missing) => {
                    place.came_too_late();
                    return self.settle(Release::Missing, first);
                }
                Ok(Swap::NotOurs) => {
                    place.came_too_late();
                    return self.settle(Release::NotOurs, first);
                }
                Ok(swap @ (Swap::Swapped(fence) | Swap::Found(fence))) => {
                    let now = matches!(swap, Swap::Swapped(_));
                    let Some(since) = place.inherited(&session, now) else {
                        return;
                    };
                    // Before the old one's ends: those in line must not think that the lock is free.
                    place.hold();
                    releases.lines.leave(&self.key, id);
                    // A waiter that has left drops it, and thereby gives it back. On one thread a caller that
                    // drives this runs on before the heir does: one that comes straight back is in line again
                    // when the next release looks for an heir.
                    let _ = heir.reply.send(Served::HandedOver(Inheritance {
                        place,
                        token,
                        fence,
                        since,
                    }));
                    self.settle(Release::HandedOver, first);
                    return;
                }
                Err(error) => {
                    let again = self.again(&mut place, &session, &error, first, deadline);
                    let Some(next) = again.await.then(|| releases.store.session()) else {
                        return;
                    };
                    let Ok(next) = next.await else { return };
                    session = next;
                }
            }
        }
    }

    /// Passes the lock on in the order of the line on the server, at whose end the heir stands then. An
    /// unanswered command is sent again as it was: whatever the first sending did, the heir stands there
    /// once, and the lock is passed on once.
    async fn pass_on(
        &mut self,
        releases: &Arc<Releases>,
        mut session: Arc<dyn LockSession>,
        heir: Heir,
    ) {
        let (key, token) = (self.key.clone(), heir.token());
        let (Some(line), Some(listener)) = (
            releases.lines.key_of(&key),
            releases.store.listen(key.text(), &token),
        ) else {
            return;
        };
        let Some(mut place) = Place::reserve(
            releases,
            key.clone(),
            token.clone(),
            heir.ttl,
            heir.name.into(),
        ) else {
            return;
        };
        let mut standing = Standing::new(&token, heir.claim, listener);
        place.stands(&standing.head);
        let deadline = Instant::now() + heir.command_deadline;
        loop {
            let first = !std::mem::replace(&mut self.sent, true);
            place.sending(&session);
            let asked = standing.asking();
            let limit = heir.give_up.saturating_duration_since(Instant::now());
            let head = &standing.head;
            let passed = session.pass(&key, &line, &self.token, None, Some(head), limit);
            match passed.await {
                Ok(passed) => {
                    releases.lines.note_others(&key, passed.others);
                    self.settle(passed.release, first);
                    place.missed(&session);
                    let served = passed.served.then_some(Position {
                        joined_now: true,
                        first: true,
                    });
                    let Some(position) = passed.position.or(served) else {
                        // Its reply is dropped: it asks by itself.
                        return;
                    };
                    standing.answered(&asked, position);
                    let _ = heir.reply.send(Served::InLine(InLine {
                        place,
                        token,
                        standing,
                        served: passed.served,
                    }));
                    return;
                }
                Err(error) => {
                    let again = self.again(&mut place, &session, &error, first, deadline);
                    let Some(next) = again.await.then(|| releases.store.session()) else {
                        return;
                    };
                    let Ok(next) = next.await else { return };
                    session = next;
                }
            }
        }
    }

    /// Whether a command that failed is to be sent again; waits until then.
    async fn again(
        &mut self,
        place: &mut Place,
        session: &Arc<dyn LockSession>,
        error: &StoreError,
        first: bool,
        deadline: Instant,
    ) -> bool {
        if !error.is_ambiguous() {
            if error.kind() == StoreErrorKind::Unreachable {
                place.not_sent();
            } else {
                place.refused(session);
            }
            // It did not run: the release that follows is the first sending.
            self.sent = !first;
            return false;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep_until(deadline.min(Instant::now() + PAUSE.mul_f64(jitter()))).await;
        true
    }

    async fn swap(
        &self,
        session: &dyn LockSession,
        line: Option<&str>,
        token: &LockToken,
        heir: &Heir,
    ) -> Result<Swapped, StoreError> {
        let (key, old, ttl) = (&*self.key, &self.token, heir.ttl);
        match &heir.fence_key {
            None => session.swap(key, line, old, token, ttl).await,
            Some(fence_key) => {
                let swapped = session.swap_fenced(key, line, fence_key, old, token, ttl);
                swapped.await
            }
        }
    }

    /// Nothing is left to delete.
    fn settle(&mut self, code: Release, first: bool) {
        self.stood = false;
        self.carriers.clear();
        let released = Released { code, first };
        if let Some(unheard) = self.unheard.take() {
            unheard.take_note(&self.key, self.label, released);
        }
        self.tell(Ok(released));
    }
}
