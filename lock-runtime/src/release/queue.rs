//! The releases of one client that still have to be sent or answered. Outlives their callers.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Id;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::error::StoreError;
use crate::line::{Holding, Lines};
use crate::store::{Head, LockSession, LockStore, Release};
use crate::token::LockToken;

/// One client's releases.
pub(crate) struct Releases {
    pub(super) store: Arc<dyn LockStore>,
    pub(super) lines: Arc<Lines>,
    queue: Mutex<Queue>,
    /// Something to do for a worker.
    work: Notify,
    /// A release was answered or settled, or a place was given back.
    settled: Notify,
    /// The client is shut down.
    closing: Notify,
    pub(super) unheard: Unheard,
}

/// How many locks were found lost by a release whose answer nobody waited for.
#[derive(Clone, Default)]
pub(super) struct Unheard(Arc<AtomicU64>);

impl Unheard {
    pub(super) fn take_note(&self, key: &str, released: Released) {
        if released.refutes() {
            self.0.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%key, found = ?released.code, "the lock was lost before it was given back, too late to tell its caller");
        }
    }
}

#[derive(Default)]
pub(super) struct Queue {
    jobs: VecDeque<Job>,
    /// Releases of each key that a later command could overtake.
    unwritten: HashMap<Arc<str>, Vec<Unwritten>>,
    /// Locks held or being asked for: each may become a job.
    places: usize,
    releasing: usize,
    /// A worker dies with its runtime, which its token tells.
    pub(super) workers: HashMap<Id, Weak<()>>,
    /// No place is given any more.
    shut_down: bool,
    /// No client is left that could give one.
    closed: bool,
}

/// A release that was not answered.
struct Unwritten {
    token: LockToken,
    /// The one session that its first CAD went down: what follows there cannot overtake it.
    sent_on: Option<Arc<dyn LockSession>>,
}

/// A token to be deleted from its key.
pub(super) struct Job {
    pub(super) key: Arc<str>,
    pub(super) token: LockToken,
    /// The sessions whose answer is still wanted.
    pub(super) carriers: Vec<Carrier>,
    /// Where it may stand in line.
    pub(super) head: Option<Head>,
    /// Whether a SET that has run may have left the token at the key.
    pub(super) stood: bool,
    /// When the last ttl that this token can have been given is over.
    pub(super) over: Instant,
    /// Whether it may have been sent before.
    pub(super) sent: bool,
    pub(super) tries: usize,
    /// Not to be sent again before.
    pub(super) again: Option<Instant>,
    /// From that to the time after.
    pub(super) pause: Duration,
    /// Whether later commands for the key wait for it.
    pub(super) unwritten: bool,
    /// Those in line wait until it is answered.
    pub(super) holding: Option<Holding>,
    /// Where a caller waits for the worker.
    pub(super) reply: Option<oneshot::Sender<Answer>>,
    /// For a caller that sends it itself.
    pub(super) answer: Option<Answer>,
    /// Where nobody waits for the answer, although the lock was given back in time.
    pub(super) unheard: Option<Unheard>,
}

impl Job {
    /// The first answer is the one that counts.
    pub(super) fn tell(&mut self, answer: Answer) {
        if let Some(reply) = self.reply.take() {
            // The caller may have stopped waiting.
            let _ = reply.send(answer);
        } else {
            self.answer.get_or_insert(answer);
        }
    }

    /// Whether one answer settles it.
    pub(super) fn is_plain(&self) -> bool {
        matches!(&*self.carriers, [carrier] if carrier.unanswered == 0)
    }
}

/// A session that carried SETs with the token of a job.
pub(super) struct Carrier {
    pub(super) session: Arc<dyn LockSession>,
    /// How many of them were not answered: each may yet land.
    pub(super) unanswered: usize,
}

/// What a caller who waits for its release is told.
pub(crate) type Answer = Result<Released, StoreError>;

/// The answer of a release that was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Released {
    pub(crate) code: Release,
    /// Whether this answers the first sending. A later one may find its own earlier work.
    pub(crate) first: bool,
}

impl Released {
    /// Whether it shows that the lock was lost on the way. Only a first sending can.
    pub(crate) fn refutes(self) -> bool {
        self.first && matches!(self.code, Release::Missing | Release::NotOurs)
    }
}

impl Queue {
    fn begin(&mut self, job: &Job) {
        let unwritten = self.unwritten.entry(job.key.clone()).or_default();
        unwritten.push(Unwritten {
            token: job.token.clone(),
            sent_on: None,
        });
        self.releasing += 1;
    }
}

impl Releases {
    pub(crate) fn new(store: Arc<dyn LockStore>, lines: Arc<Lines>) -> Arc<Self> {
        Arc::new(Self {
            store,
            lines,
            queue: Mutex::default(),
            work: Notify::new(),
            settled: Notify::new(),
            closing: Notify::new(),
            unheard: Unheard::default(),
        })
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for one job more, unless the client is shut down: what `idle` has seen stays.
    pub(super) fn reserve(&self) -> bool {
        let mut queue = self.queue();
        if queue.shut_down {
            return false;
        }
        queue.places += 1;
        let room = queue.places;
        queue.jobs.reserve(room);
        true
    }

    pub(crate) fn shut_down(&self) {
        self.queue().shut_down = true;
        self.closing.notify_waiters();
    }

    /// Ends when the client is shut down.
    ///
    /// Cancellation safety: holds nothing.
    pub(crate) async fn shutting_down(&self) {
        let closing = self.closing.notified();
        tokio::pin!(closing);
        closing.as_mut().enable();
        if !self.queue().shut_down {
            closing.await;
        }
    }

    pub(super) fn give_back_place(&self) {
        let mut queue = self.queue();
        queue.places -= 1;
        let closed = queue.closed;
        drop(queue);
        self.settled.notify_waiters();
        if closed {
            // A worker of a closed client waits for the last place.
            self.work.notify_waiters();
        }
    }

    /// Takes note of a release that its caller is about to send.
    pub(super) fn begin(&self, job: &Job) {
        self.queue().begin(job);
    }

    pub(super) fn push(&self, job: Job) {
        let mut queue = self.queue();
        queue.begin(&job);
        queue.jobs.push_back(job);
        drop(queue);
        self.work.notify_waiters();
    }

    /// Puts back a job whose worker ended under it, or that its caller does not go on with.
    pub(super) fn put_back(&self, job: Job) {
        self.queue().jobs.push_front(job);
        self.work.notify_waiters();
    }

    pub(super) fn pop(&self) -> Option<Job> {
        self.queue().jobs.pop_front()
    }

    /// A release of `key` was answered: a later command cannot overtake it.
    pub(super) fn written(&self, key: &str, token: &LockToken) {
        let mut queue = self.queue();
        if let Some(unwritten) = queue.unwritten.get_mut(key) {
            unwritten.retain(|release| release.token != *token);
            if unwritten.is_empty() {
                queue.unwritten.remove(key);
            }
        }
        drop(queue);
        self.settled.notify_waiters();
    }

    /// The first CAD of `token` is on its way, and goes down no other session.
    pub(super) fn sent(&self, key: &str, token: &LockToken, session: &Arc<dyn LockSession>) {
        let mut queue = self.queue();
        let unwritten = queue.unwritten.get_mut(key).into_iter().flatten();
        for release in unwritten.filter(|release| release.token == *token) {
            release.sent_on = Some(session.clone());
        }
        drop(queue);
        self.settled.notify_waiters();
    }

    pub(super) fn settled(&self) {
        let mut queue = self.queue();
        queue.releasing -= 1;
        let closed = queue.closed;
        drop(queue);
        self.settled.notify_waiters();
        if closed {
            // As for the last place.
            self.work.notify_waiters();
        }
    }

    /// Waits until there is something to do for a worker; must be made before looking.
    pub(super) fn work(&self) -> tokio::sync::futures::Notified<'_> {
        self.work.notified()
    }

    /// Whether no job can come any more, nor come back from another worker.
    pub(super) fn is_over(&self) -> bool {
        let queue = self.queue();
        queue.closed && queue.places == 0 && queue.releasing == 0
    }

    /// Whether a release of `key` was not answered.
    pub(crate) fn releases(&self, key: &str) -> bool {
        self.queue().unwritten.contains_key(key)
    }

    /// Waits until every release of `key` is answered.
    ///
    /// Cancellation safety: holds nothing.
    pub(crate) async fn all_written(&self, key: &str) {
        self.until(|queue| !queue.unwritten.contains_key(key)).await;
    }

    /// Waits until no release of `key` can be overtaken by a command on `session`; gives the tokens
    /// whose CAD goes ahead of it there.
    ///
    /// Cancellation safety: holds nothing.
    pub(crate) async fn all_ahead(
        &self,
        key: &str,
        session: &Arc<dyn LockSession>,
    ) -> Vec<LockToken> {
        let is_ahead = |release: &Unwritten| {
            let sent_on = release.sent_on.as_ref();
            sent_on.is_some_and(|sent_on| Arc::ptr_eq(sent_on, session))
        };
        self.until(|queue| {
            let mut unwritten = queue.unwritten.get(key).into_iter().flatten();
            unwritten.all(is_ahead)
        })
        .await;
        let queue = self.queue();
        let ahead = queue.unwritten.get(key).into_iter().flatten();
        ahead.map(|release| release.token.clone()).collect()
    }

    /// How many locks were found lost too late for their callers.
    pub(crate) fn unheard(&self) -> u64 {
        self.unheard.0.load(Ordering::Relaxed)
    }

    /// Waits until every place is given back and every release is settled.
    ///
    /// Cancellation safety: holds nothing.
    pub(crate) async fn idle(&self) {
        self.until(|queue| queue.places == 0 && queue.releasing == 0)
            .await;
    }

    async fn until(&self, done: impl Fn(&Queue) -> bool) {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if done(&self.queue()) {
                return;
            }
            settled.await;
        }
    }

    /// Locks held or being asked for, and releases not yet settled.
    pub(crate) fn remaining(&self) -> (usize, usize) {
        let queue = self.queue();
        (queue.places, queue.releasing)
    }

    /// Lets the workers end when the last place is given back and the queue is empty.
    pub(crate) fn close(&self) {
        self.queue().closed = true;
        self.work.notify_waiters();
    }
}
