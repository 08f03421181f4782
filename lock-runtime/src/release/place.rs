//! A place in the queue of releases, held from before the first SET until the lock is given up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::queue::{Answer, Carrier, Job, Releases};
use super::worker::ensure_worker;
use crate::store::LockSession;
use crate::token::LockToken;

/// A reserved place: handing a token over to the queue cannot fail.
///
/// Knows where the token may stand: whatever happens to its owner, it is deleted from there.
pub(crate) struct Place {
    releases: Arc<Releases>,
    key: Arc<str>,
    token: LockToken,
    ttl: Duration,
    /// The session on which the store confirmed the lock.
    home: Option<Arc<dyn LockSession>>,
    /// SETs that may yet land, in the order of their sending.
    unanswered: Vec<Sent>,
}

struct Sent {
    at: Instant,
    session: Arc<dyn LockSession>,
}

impl Place {
    /// Must be called in a runtime, whose worker is started if it has none.
    pub(crate) fn reserve(
        releases: &Arc<Releases>,
        key: Arc<str>,
        token: LockToken,
        ttl: Duration,
    ) -> Self {
        ensure_worker(releases);
        releases.reserve();
        Self {
            releases: releases.clone(),
            key,
            token,
            ttl,
            home: None,
            unanswered: Vec::new(),
        }
    }

    pub(crate) fn token(&self) -> &LockToken {
        &self.token
    }

    /// Takes note of a SET before its first poll: from then on it may reach the store.
    pub(crate) fn sending(&mut self, session: &Arc<dyn LockSession>) -> Instant {
        let at = Instant::now();
        let session = session.clone();
        self.unanswered.push(Sent { at, session });
        at
    }

    /// The last SET did not leave.
    pub(crate) fn not_sent(&mut self) {
        self.unanswered.pop();
    }

    /// An answer on a session answers everything sent on it before: servers keep the order.
    pub(crate) fn answered(&mut self, session: &Arc<dyn LockSession>) {
        self.unanswered
            .retain(|sent| !Arc::ptr_eq(&sent.session, session));
    }

    /// The token was seen at the key: if only one SET can have brought it, that one has run.
    pub(crate) fn seen(&mut self) {
        if self.unanswered.len() == 1 {
            self.unanswered.clear();
        }
    }

    /// When the earliest SET was sent that was not answered.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.unanswered.first().map(|sent| sent.at)
    }

    /// Whether every SET was answered. If not, one may land late and make a lost lock look ours.
    pub(crate) fn is_settled(&self) -> bool {
        self.unanswered.is_empty()
    }

    /// The lock is held, as `session` says.
    pub(crate) fn hold(&mut self, session: Arc<dyn LockSession>) {
        self.home = Some(session);
    }

    /// Queues the release; the receiver gets its answer, or is closed if none comes.
    pub(crate) fn release(mut self) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        self.hand_over(Some(reply));
        answer
    }

    fn hand_over(&mut self, reply: Option<oneshot::Sender<Answer>>) {
        let mut carriers: Vec<Carrier> = Vec::new();
        let unanswered = std::mem::take(&mut self.unanswered);
        let home = self.home.take().map(|session| (session, 0));
        let out = unanswered.into_iter().map(|sent| (sent.session, 1));
        for (session, unanswered) in home.into_iter().chain(out) {
            let known = carriers
                .iter_mut()
                .find(|carrier| Arc::ptr_eq(&carrier.session, &session));
            match known {
                Some(carrier) => carrier.unanswered += unanswered,
                None => carriers.push(Carrier {
                    session,
                    unanswered,
                }),
            }
        }
        if carriers.is_empty() {
            return;
        }
        self.releases.push(Job {
            key: self.key.clone(),
            token: self.token.clone(),
            carriers,
            over: Instant::now() + self.ttl,
            sent: false,
            unwritten: true,
            reply,
        });
    }
}

impl Drop for Place {
    /// Never blocks and never spawns: the worker may be in another thread, or not run any more.
    fn drop(&mut self) {
        self.hand_over(None);
        self.releases.give_back_place();
    }
}
