//! Handing a lock over: the token of a waiter takes the place of the one that is given back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::place::Place;
use super::queue::{Job, Released, Releases};
use crate::chance::jitter;
use crate::error::{StoreError, StoreErrorKind};
use crate::fence::FencingToken;
use crate::store::{LockSession, Release, Swap};
use crate::token::LockToken;

/// Between two sendings of a swap, of which chance leaves a part.
const PAUSE: Duration = Duration::from_millis(50);

/// A waiter of this client, as far as a lock can be handed over to it.
pub(crate) struct Heir {
    pub(crate) function: &'static str,
    pub(crate) ttl: Duration,
    /// The longest hold, for the label of its token.
    pub(crate) hold: Duration,
    pub(crate) fence_key: Option<Arc<str>>,
    /// How long an unanswered swap is sent again.
    pub(crate) command_deadline: Duration,
    pub(crate) reply: oneshot::Sender<Inheritance>,
}

/// A lock that was handed over. Dropped, it is released.
pub(crate) struct Inheritance {
    pub(crate) place: Place,
    pub(crate) token: LockToken,
    pub(crate) fence: Option<FencingToken>,
    /// From when its deadline counts.
    pub(crate) since: Instant,
}

impl Job {
    /// Gives the lock to the first in line instead of deleting it, if there is one and the token stands
    /// at the key as far as we know. What is not settled here the job goes on to delete.
    ///
    /// Cancellation safety: the heir's place is armed before the swap is sent, so that a token which
    /// nobody takes is deleted behind it.
    pub(super) async fn hand_over(&mut self, releases: &Arc<Releases>) {
        let [carrier] = &*self.carriers else { return };
        // With a SET on its way the old token could come back, and a swap of it then.
        if self.sent || !self.stood || carrier.unanswered > 0 || !carrier.session.is_open() {
            return;
        }
        let mut session = carrier.session.clone();
        let Some((id, left)) = releases.lines.heir(&self.key) else {
            return;
        };
        let Ok(heir) = left.downcast::<Heir>() else {
            return;
        };
        let token = LockToken::new(heir.function, heir.ttl, heir.hold);
        let key = self.key.clone();
        let Some(mut place) = Place::reserve(releases, key, token.clone(), heir.ttl) else {
            return;
        };
        let deadline = Instant::now() + heir.command_deadline;
        loop {
            let first = !std::mem::replace(&mut self.sent, true);
            place.sending(&session);
            // Sent again, the same two tokens show what became of the first sending: once the old one is
            // gone from its key, no swap of it can land.
            match self.swap(&*session, &token, &heir).await {
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
                    self.settle(Release::HandedOver, first);
                    // A waiter that has left drops it, and thereby gives it back.
                    let _ = heir.reply.send(Inheritance {
                        place,
                        token,
                        fence,
                        since,
                    });
                    return;
                }
                Err(error) if error.is_ambiguous() => {}
                Err(error) => {
                    if error.kind() == StoreErrorKind::Unreachable {
                        place.not_sent();
                    } else {
                        place.refused(&session);
                    }
                    // It did not run: the release that follows is the first sending.
                    self.sent = !first;
                    return;
                }
            }
            if Instant::now() >= deadline {
                return;
            }
            sleep_until(deadline.min(Instant::now() + PAUSE.mul_f64(jitter()))).await;
            let Ok(next) = releases.store.session().await else {
                return;
            };
            session = next;
        }
    }

    async fn swap(
        &self,
        session: &dyn LockSession,
        token: &LockToken,
        heir: &Heir,
    ) -> Result<Swap, StoreError> {
        let (key, old, ttl) = (&*self.key, &self.token, heir.ttl);
        match &heir.fence_key {
            None => session.swap(key, old, token, ttl).await,
            Some(fence_key) => session.swap_fenced(key, fence_key, old, token, ttl).await,
        }
    }

    /// Nothing is left to delete.
    fn settle(&mut self, code: Release, first: bool) {
        self.stood = false;
        self.carriers.clear();
        let released = Released { code, first };
        if let Some(unheard) = self.unheard.take() {
            unheard.take_note(&self.key, released);
        }
        if let Some(reply) = self.reply.take() {
            // The caller may have stopped waiting.
            let _ = reply.send(Ok(released));
        }
    }
}
