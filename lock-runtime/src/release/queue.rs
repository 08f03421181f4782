//! The releases of one client that still have to be sent or answered. Outlives their callers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::runtime::Id;
use tokio::sync::Notify;

use super::job::{Job, Unheard};
use super::unwritten::Unwritten;
use super::works::{Begun, Works};
use crate::line::Lines;
use crate::lock_key::LockKey;
use crate::per_runtime::PerRuntime;
use crate::store::{LockSession, LockStore};
use crate::token::LockToken;

/// Room that is kept when nothing is to be done.
const KEPT: usize = 32;

/// One client's releases.
pub(crate) struct Releases {
    pub(super) store: Arc<dyn LockStore>,
    pub(super) lines: Arc<Lines>,
    queue: Mutex<Queue>,
    shut_down: AtomicBool,
    /// Something to do for a worker.
    work: Notify,
    /// A release was answered or settled, or a place was given back.
    settled: Notify,
    /// The client is shut down.
    closing: Notify,
    pub(super) unheard: Unheard,
}

#[derive(Default)]
pub(super) struct Queue {
    jobs: VecDeque<Job>,
    /// Sent by callers who do not wait, or no longer, each for the worker of the runtime that it was sent in.
    begun: Vec<(Id, Begun)>,
    unwritten: Unwritten,
    /// Locks held or being asked for: each may become a job.
    places: usize,
    releasing: usize,
    /// Those who wait until something here is settled.
    waiting: usize,
    /// Until a worker ends, as it does with its runtime.
    pub(super) workers: PerRuntime<Weak<Works>>,
    /// No client is left that could give one.
    closed: bool,
}

impl Queue {
    /// Gives back the room of many, when there is none.
    fn shrink(&mut self) {
        if self.places == 0 && self.jobs.is_empty() && self.jobs.capacity() > 2 * KEPT {
            self.jobs.shrink_to(KEPT);
        }
        if self.begun.is_empty() && self.begun.capacity() > 2 * KEPT {
            self.begun.shrink_to(KEPT);
        }
    }

    /// Takes note of a release that is about to be sent, in the place reserved for it.
    pub(super) fn counts_release(&mut self, job: &Job) {
        self.unwritten.expect(&job.key, &job.token);
        self.releasing += 1;
        self.places -= 1;
    }
}

impl Releases {
    pub(crate) fn new(store: Arc<dyn LockStore>, lines: Arc<Lines>) -> Arc<Self> {
        Arc::new(Self {
            store,
            lines,
            queue: Mutex::default(),
            shut_down: AtomicBool::new(false),
            work: Notify::new(),
            settled: Notify::new(),
            closing: Notify::new(),
            unheard: Unheard::default(),
        })
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what others may wait for, and wakes them.
    fn change(&self, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.queue();
        change(&mut queue);
        let (waiting, closed) = (queue.waiting > 0, queue.closed);
        drop(queue);
        if waiting {
            self.settled.notify_waiters();
        }
        if closed {
            // A worker of a closed client waits for the last place and the last release.
            self.work.notify_waiters();
        }
    }

    /// Makes room for one job more, unless the client is shut down: what `idle` has seen stays.
    pub(super) fn reserve(&self, mut queue: MutexGuard<'_, Queue>) -> bool {
        if self.shut_down.load(Ordering::Relaxed) {
            return false;
        }
        queue.places += 1;
        let room = queue.places;
        queue.jobs.reserve(room);
        true
    }

    pub(crate) fn shut_down(&self) {
        let queue = self.queue();
        self.shut_down.store(true, Ordering::SeqCst);
        drop(queue);
        self.closing.notify_waiters();
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::SeqCst)
    }

    /// Ends when the client is shut down.
    ///
    /// Cancellation safety: holds nothing.
    pub(crate) async fn shutting_down(&self) {
        let closing = self.closing.notified();
        tokio::pin!(closing);
        closing.as_mut().enable();
        if !self.shut_down.load(Ordering::SeqCst) {
            closing.await;
        }
    }

    pub(super) fn give_back_place(&self) {
        self.change(|queue| {
            queue.places -= 1;
            queue.shrink();
        });
    }

    /// Queues a release in the place reserved for it.
    pub(super) fn push(&self, job: Job) {
        let mut queue = self.queue();
        queue.counts_release(&job);
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

    /// What was begun for the worker of the runtime `here`.
    pub(super) fn pop_begun(&self, here: Id) -> Option<Begun> {
        let mut queue = self.queue();
        let at = queue.begun.iter().position(|(at, _)| *at == here)?;
        Some(queue.begun.swap_remove(at).1)
    }

    /// Leaves a release that was sent in the runtime `here` for its worker to find.
    pub(super) fn go_on(&self, here: Id, begun: Begun) {
        let mut queue = self.queue();
        let works = queue.workers.get(here);
        if works.is_some_and(|worker| worker.strong_count() > 0) {
            queue.begun.push((here, begun));
        } else {
            drop(queue);
            // Which puts its job back.
            drop(begun);
        }
    }

    pub(super) fn wake(&self) {
        self.work.notify_waiters();
    }

    /// The worker of the runtime `here` has ended: what was begun for it is for others.
    pub(super) fn abandon(&self, here: Id) {
        let mut queue = self.queue();
        // Under the mutex, whoever else still knows it: nothing is left for it from now on.
        queue.workers.remove(here);
        let (gone, others) = std::mem::take(&mut queue.begun)
            .into_iter()
            .partition(|(at, _)| *at == here);
        queue.begun = others;
        drop(queue);
        let gone: Vec<(Id, Begun)> = gone;
        // Which puts their jobs back.
        drop(gone);
    }

    /// A release of `key` was answered: a later command cannot overtake it.
    pub(super) fn written(&self, key: &LockKey, token: &LockToken) {
        self.change(|queue| queue.unwritten.written(key, token));
    }

    /// The first CAD of `token` is on its way, and goes down no other session.
    pub(super) fn sent(&self, key: &LockKey, token: &LockToken, session: &Arc<dyn LockSession>) {
        self.change(|queue| queue.unwritten.sent(key, token, session));
    }

    /// Nothing is left to do for a job.
    pub(super) fn settled(&self, job: &Job) {
        self.change(|queue| {
            if job.unwritten {
                queue.unwritten.written(&job.key, &job.token);
            }
            queue.releasing -= 1;
            queue.shrink();
        });
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
    pub(crate) fn releases(&self, key: &LockKey) -> bool {
        self.queue().unwritten.is_at(key)
    }

    /// Waits until every release of `key` is answered.
    ///
    /// Cancellation safety: holds nothing.
    pub(crate) async fn all_written(&self, key: &LockKey) {
        self.until(|queue| !queue.unwritten.is_at(key)).await;
    }

    /// Waits until no release of `key` can be overtaken by a command on `session`; gives the tokens
    /// whose CAD goes ahead of it there.
    ///
    /// Cancellation safety: holds nothing.
    pub(crate) async fn all_ahead(
        &self,
        key: &LockKey,
        session: &Arc<dyn LockSession>,
    ) -> Vec<LockToken> {
        self.until(|queue| queue.unwritten.are_ahead(key, session))
            .await;
        self.queue().unwritten.tokens(key)
    }

    /// How many locks were found lost too late for their callers.
    pub(crate) fn unheard(&self) -> u64 {
        self.unheard.count()
    }

    /// Waits until every place is given back and every release is settled.
    ///
    /// Cancellation safety: holds nothing.
    pub(crate) async fn idle(&self) {
        self.until(|queue| queue.places == 0 && queue.releasing == 0)
            .await;
    }

    async fn until(&self, done: impl Fn(&Queue) -> bool) {
        /// Leaves also when it is not waited for to the end.
        struct Waiting<'a>(&'a Releases);

        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.queue().waiting -= 1;
            }
        }

        self.queue().waiting += 1;
        let _waiting = Waiting(self);
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
