//! A place in the queue of releases, held from before the first SET until the lock is given up.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::background::send_ahead;
use super::caller::drive;
use super::job::{Answer, Carrier, Job};
use super::queue::Releases;
use super::stay::Stay;
use super::worker::{FIRST_PAUSE, Running, with_worker};
use crate::deadline::by;
use crate::line::Holding;
use crate::lock_key::LockKey;
use crate::observe::Label;
use crate::store::{Head, LockSession};
use crate::token::LockToken;

/// A reserved place: handing a token over to the queue cannot fail.
///
/// Knows where the token may stand, and since when: whatever happens to its owner, it is deleted
/// from there, and no deadline counts from later.
pub(crate) struct Place {
    releases: Arc<Releases>,
    /// Until a job is in it.
    reserved: bool,
    key: LockKey,
    token: LockToken,
    ttl: Duration,
    label: Label,
    /// The session that the last command went down.
    home: Option<Arc<dyn LockSession>>,
    /// When the earliest SET was sent that has run and may have left the token at the key.
    ran: Option<Instant>,
    /// When the earliest SET was sent that in all likelihood did not leave: nothing is given back for
    /// it, but no deadline counts from later.
    doubtful: Option<Instant>,
    /// SETs that may yet run, in the order of their sending.
    unanswered: Vec<Sent>,
    /// Where somebody may pass the lock on to the token.
    head: Option<Head>,
    /// While it is held, or taken for it.
    holding: Option<Holding>,
    /// Whether it is given back in time, and nobody will hear the answer.
    unheard: bool,
    /// Boxed: hardly any has one.
    stay: Option<Box<Stay>>,
}

struct Sent {
    at: Instant,
    session: Arc<dyn LockSession>,
}

impl Place {
    /// `None` once the client is shut down. Must be called in a runtime, whose worker is started
    /// if it has none. Boxed: it goes from hand to hand.
    pub(crate) fn reserve(
        releases: &Arc<Releases>,
        key: LockKey,
        token: LockToken,
        ttl: Duration,
        label: Label,
    ) -> Option<Box<Self>> {
        let queue = with_worker(releases);
        if !releases.reserve(queue) {
            return None;
        }
        Some(Box::new(Self {
            releases: releases.clone(),
            reserved: true,
            key,
            token,
            ttl,
            label,
            home: None,
            ran: None,
            doubtful: None,
            unanswered: Vec::new(),
            head: None,
            holding: None,
            unheard: false,
            stay: None,
        }))
    }

    /// Takes note of a SET before its first poll: from then on it may reach the store.
    pub(crate) fn sending(&mut self, session: &Arc<dyn LockSession>) {
        self.home = Some(session.clone());
        self.unanswered.push(Sent {
            at: Instant::now(),
            session: session.clone(),
        });
    }

    /// The last SET did not leave.
    pub(crate) fn not_sent(&mut self) {
        let sent = self.unanswered.pop().map(|sent| sent.at);
        self.doubtful = self.doubtful.or(sent);
    }

    /// The last SET was refused without a look at the key. Those sent on its session before have
    /// run, for servers keep the order; what they did is not known.
    pub(crate) fn refused(&mut self, session: &Arc<dyn LockSession>) {
        self.unanswered.pop();
        self.ran = self.take(session).or(self.ran);
    }

    /// The last SET put the token at the key, which was free before. Gives the moment from which
    /// its deadline counts.
    pub(crate) fn granted(&mut self, session: &Arc<dyn LockSession>) -> Option<Instant> {
        self.ran = self.unanswered.last().map(|sent| sent.at);
        self.doubtful = None;
        self.take(session);
        self.ran
    }

    /// The last SET found the token at the key: one sent earlier has put it there, or itself if
    /// somebody on the way has sent it twice. Gives the moment from which its deadline counts.
    pub(crate) fn found_by_set(&mut self, session: &Arc<dyn LockSession>) -> Option<Instant> {
        let since = self.since();
        self.unanswered.pop();
        self.found(session);
        self.ran = since;
        since
    }

    /// The token was seen at the key. Gives the moment from which its deadline counts.
    pub(crate) fn found(&mut self, session: &Arc<dyn LockSession>) -> Option<Instant> {
        let since = self.since();
        // If only one SET can have put it there, that one will not land again.
        let before = self.ran.or(self.doubtful);
        if before.is_none() && self.head.is_none() && self.unanswered.len() == 1 {
            self.unanswered.clear();
        }
        self.take(session);
        self.ran = since;
        self.doubtful = None;
        self.home = Some(session.clone());
        since
    }

    /// The token was seen not to be at the key: what has run has left nothing there.
    pub(crate) fn missed(&mut self, session: &Arc<dyn LockSession>) {
        self.take(session);
        self.ran = None;
        self.doubtful = None;
        if !self.may_stand() {
            // Nothing to release: the session is free for others meanwhile.
            self.home = None;
        }
    }

    /// A swap put the token at the key, now or by an earlier sending. Gives the moment from which its
    /// deadline counts. No other can land: the old token is gone.
    pub(crate) fn inherited(
        &mut self,
        session: &Arc<dyn LockSession>,
        now: bool,
    ) -> Option<Instant> {
        let mut sent = std::mem::take(&mut self.unanswered).into_iter();
        let sent = if now { sent.next_back() } else { sent.next() };
        self.ran = sent.map(|sent| sent.at);
        self.home = Some(session.clone());
        self.ran
    }

    /// The token that a swap was to replace is gone, and so is whatever it put there.
    pub(crate) fn came_too_late(&mut self) {
        self.unanswered.clear();
        self.head = None;
        self.home = None;
    }

    /// The token may stand in line from now on: somebody may pass the lock on to it at any time.
    pub(crate) fn stands(&mut self, head: &Head) {
        if self.head.is_none() {
            self.head = Some(head.clone());
        }
    }

    /// Whether somebody may pass the lock on to it, or has: then it may last for a claim alone.
    pub(crate) fn is_in_line(&self) -> bool {
        self.head.is_some()
    }

    /// It has left the line, and comes into it again by a SET alone that is still under way.
    pub(crate) fn leaves_line(&mut self) {
        if self.unanswered.len() <= 1 {
            self.head = None;
        }
    }

    /// The lock was passed on to it at some time after `since`.
    pub(crate) fn passed(&mut self, since: Instant) {
        self.ran = Some(since);
        if self.unanswered.is_empty() {
            self.head = None;
        }
    }

    /// From now on those in line wait for this place's release, at most for its ttl: a claim is extended
    /// to that.
    pub(crate) fn hold(&mut self) {
        if self.holding.is_none() {
            let until = self.ran.unwrap_or_else(Instant::now) + self.ttl;
            let holding = self.releases.lines.hold(&self.key, &self.token, until);
            self.holding = Some(holding);
        }
    }

    /// The release goes down `session`: the one that carried the SET is not ours any more.
    pub(crate) fn moves_to(&mut self, session: Arc<dyn LockSession>) {
        self.home = Some(session);
    }

    /// Removes the SETs sent on `session`; gives when the earliest left, if it is the earliest of
    /// all that may have left the token at the key.
    fn take(&mut self, session: &Arc<dyn LockSession>) -> Option<Instant> {
        let own = |sent: &Sent| Arc::ptr_eq(&sent.session, session);
        let first = self.unanswered.iter().find(|sent| own(sent));
        let first = first.map(|sent| sent.at);
        self.unanswered.retain(|sent| !own(sent));
        first.map(|at| self.ran.map_or(at, |ran| ran.min(at)))
    }

    /// Since when the token may stand at the key, at the earliest.
    fn since(&self) -> Option<Instant> {
        let sent = self.unanswered.first().map(|sent| sent.at);
        let others = self.ran.into_iter().chain(self.doubtful);
        others.chain(sent).min()
    }

    /// Whether the token may stand at the key, now or later.
    pub(crate) fn may_stand(&self) -> bool {
        self.is_in_doubt() || self.head.is_some()
    }

    /// The same, but for a lock that somebody passed on to it.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.ran.is_some() || !self.unanswered.is_empty()
    }

    /// How many SETs may yet land.
    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// Whether every SET was answered. If not, one may land late and make a lost lock look ours.
    pub(crate) fn is_settled(&self) -> bool {
        self.unanswered.is_empty()
    }

    /// Releases, and gives the answer; none if none comes until `limit`, a command deadline away. The caller sends it itself: a worker would
    /// be one more to wake. Where somebody waits for it, or more than one answer is wanted, a worker looks
    /// after it: a caller may be kept and not polled.
    ///
    /// Must be called in a runtime: it may be another than the one that took the lock.
    ///
    /// Cancellation safety: a worker goes on with it.
    pub(crate) async fn release(mut self: Box<Self>, limit: Instant) -> Option<Answer> {
        let job = self.job()?;
        let releases = self.releases.clone();
        with_worker(&releases).counts_release(&job);
        self.reserved = false;
        drop(self);
        if let Some(session) = job.plain()
            && !releases.lines.occupied(&job.key)
        {
            let session = session.clone();
            let mut running = Running::new(&releases, job);
            // Who comes from now on finds it free. Where it goes down another session that may have to be
            // made first.
            let answer = by(limit, pin!(running.attempt(false)), || session.is_open()).await?;
            if answer.is_some() {
                return answer;
            }
            let answer = running.job.as_mut()?.reply();
            drop(running);
            return timeout_at(limit, answer).await.ok()?.ok();
        }
        // Boxed: a release that nobody waits for would carry it.
        let driven = timeout_at(limit, Box::pin(drive(&releases, job)));
        driven.await.ok()?
    }

    /// Releases a lock that is given back in time, for a caller who goes on: if it turns out to have
    /// been lost, that is counted. The caller sends it itself, as far as it can without waiting, so
    /// that what it sends next comes behind it.
    pub(crate) fn release_unheard(mut self: Box<Self>) {
        self.give_back_unheard();
        // Dropped, it goes to a worker: a call can be polled to its end outside a runtime.
        if Handle::try_current().is_err() {
            return;
        }
        let Some(job) = self.job() else { return };
        self.releases.queue().counts_release(&job);
        self.reserved = false;
        send_ahead(&self.releases, job);
    }

    /// The same for one that is dropped, from then on.
    pub(crate) fn give_back_unheard(&mut self) {
        self.unheard = true;
    }

    /// Given back, it stays at its key for a while.
    pub(crate) fn stays(&mut self, stay: Stay) {
        self.stay = Some(Box::new(stay));
    }

    fn leave_to_worker(&mut self) {
        if let Some(job) = self.job() {
            self.releases.push(job);
            self.reserved = false;
        }
    }

    /// What is left to do, if the token may stand at the key.
    fn job(&mut self) -> Option<Job> {
        if !self.may_stand() {
            return None;
        }
        let stood = self.ran.take().is_some();
        let mut carriers: Vec<Carrier> = Vec::new();
        let home = self.home.take().map(|session| (session, 0));
        let sent = std::mem::take(&mut self.unanswered).into_iter();
        for (session, unanswered) in home.into_iter().chain(sent.map(|sent| (sent.session, 1))) {
            let known = carriers
                .iter_mut()
                .find(|carrier| Arc::ptr_eq(&carrier.session, &session));
            match known {
                Some(carrier) => carrier.unanswered += unanswered,
                None => carriers.push(Carrier {
                    session,
                    unanswered,
                    extends: false,
                }),
            }
        }
        let stays_until = self.stay.take().map(|stay| stay.carried_by(&mut carriers));
        Some(Job {
            label: self.label,
            key: self.key.clone(),
            token: self.token.clone(),
            carriers,
            head: self.head.take(),
            stood,
            over: Instant::now() + self.ttl,
            sent: false,
            tries: 0,
            again: None,
            pause: FIRST_PAUSE,
            unwritten: true,
            holding: self.holding.take(),
            reply: None,
            answer: None,
            unheard: self.unheard.then(|| self.releases.unheard.clone()),
            stays_until,
        })
    }
}

impl Drop for Place {
    /// Never blocks and never spawns: the worker may be in another thread, or not run any more.
    fn drop(&mut self) {
        self.leave_to_worker();
        if self.reserved {
            self.releases.give_back_place();
        }
    }
}
