//! Giving locks back: a queue that outlives its callers, and the worker that empties it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep};

use crate::store::{LockSession, LockStore, Release};
use crate::token::LockToken;
use crate::wait::Lines;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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

/// One client's releases.
pub(crate) struct Releases {
    store: Arc<dyn LockStore>,
    queue: Mutex<Queue>,
    /// Something to do for a worker.
    work: Notify,
    /// A first sending was settled, or a place was given back.
    settled: Notify,
    lines: Arc<Lines>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Releases of each key that may not have been written yet.
    unwritten: HashMap<Arc<str>, usize>,
    places: usize,
    releasing: usize,
    /// A worker dies with its runtime, which its token tells.
    workers: HashMap<Id, Weak<()>>,
    closed: bool,
}

struct Job {
    key: Arc<str>,
    token: LockToken,
    session: Arc<dyn LockSession>,
    /// When the last ttl this token can have been given is over.
    over: Instant,
    sendings: u32,
    reply: Option<oneshot::Sender<Released>>,
}

/// A reserved place in the queue: handing a token over to it cannot fail.
pub(crate) struct Place {
    releases: Arc<Releases>,
    key: Arc<str>,
    token: LockToken,
    ttl: Duration,
    /// The session that may carry our SET; `None` while nothing needs releasing.
    session: Option<Arc<dyn LockSession>>,
}

impl Releases {
    pub(crate) fn new(store: Arc<dyn LockStore>, lines: Arc<Lines>) -> Arc<Self> {
        Arc::new(Self {
            store,
            queue: Mutex::default(),
            work: Notify::new(),
            settled: Notify::new(),
            lines,
        })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Must be called in a runtime, whose worker is started if it has none.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        key: Arc<str>,
        token: LockToken,
        ttl: Duration,
    ) -> Place {
        self.ensure_worker();
        let mut queue = self.queue();
        queue.places += 1;
        let room = queue.places;
        queue.jobs.reserve(room);
        drop(queue);
        Place {
            releases: self.clone(),
            key,
            token,
            ttl,
            session: None,
        }
    }

    pub(crate) fn ensure_worker(self: &Arc<Self>) {
        let runtime = Handle::current();
        let mut queue = self.queue();
        if queue
            .workers
            .get(&runtime.id())
            .is_some_and(|worker| worker.strong_count() > 0)
        {
            return;
        }
        queue.workers.retain(|_, worker| worker.strong_count() > 0);
        let alive = Arc::new(());
        queue.workers.insert(runtime.id(), Arc::downgrade(&alive));
        drop(queue);
        runtime.spawn(work(self.clone(), Alive(alive)));
    }

    /// Waits until no release of `key` is queued that was not sent.
    ///
    /// Cancellation safety: holds nothing.
    pub(crate) async fn written(&self, key: &str) {
        self.until(|queue| !queue.unwritten.contains_key(key)).await;
    }

    /// Waits until every place is given back.
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

    /// Locks held or being asked for, and releases not yet answered.
    pub(crate) fn remaining(&self) -> (usize, usize) {
        let queue = self.queue();
        (queue.places, queue.releasing)
    }

    /// Lets the workers end when the queue is empty.
    pub(crate) fn close(&self) {
        self.queue().closed = true;
        self.work.notify_waiters();
    }
}

impl Place {
    pub(crate) fn token(&self) -> &LockToken {
        &self.token
    }

    /// From now on the token may be at the key: whatever happens, it is released.
    pub(crate) fn arm(&mut self, session: Arc<dyn LockSession>) {
        self.session = Some(session);
    }

    /// The token is not at the key and no command of ours can bring it there.
    pub(crate) fn disarm(&mut self) {
        self.session = None;
    }

    /// Queues the release; the receiver gets its answer, or is closed if none comes.
    pub(crate) fn release(mut self) -> oneshot::Receiver<Released> {
        let (reply, answer) = oneshot::channel();
        self.hand_over(Some(reply));
        answer
    }

    fn hand_over(&mut self, reply: Option<oneshot::Sender<Released>>) {
        let Some(session) = self.session.take() else {
            return;
        };
        let job = Job {
            key: self.key.clone(),
            token: self.token.clone(),
            session,
            over: Instant::now() + self.ttl,
            sendings: 0,
            reply,
        };
        let mut queue = self.releases.queue();
        *queue.unwritten.entry(self.key.clone()).or_default() += 1;
        queue.releasing += 1;
        queue.jobs.push_back(job);
        drop(queue);
        self.releases.work.notify_waiters();
    }
}

impl Drop for Place {
    /// Never blocks and never spawns: the worker may be in another thread, or not run any more.
    fn drop(&mut self) {
        self.hand_over(None);
        self.releases.queue().places -= 1;
        self.releases.settled.notify_waiters();
    }
}

/// Lives as long as its worker.
struct Alive(#[expect(dead_code, reason = "held, not read")] Arc<()>);

/// Takes jobs as they come; each is a task of its own, so that one that gets no answer holds up
/// no other.
async fn work(releases: Arc<Releases>, _alive: Alive) {
    loop {
        let work = releases.work.notified();
        tokio::pin!(work);
        work.as_mut().enable();
        let closed = loop {
            let mut queue = releases.queue();
            let Some(job) = queue.jobs.pop_front() else {
                break queue.closed;
            };
            drop(queue);
            tokio::spawn(
                Running {
                    releases: releases.clone(),
                    job: Some(job),
                }
                .run(),
            );
        };
        if closed {
            return;
        }
        work.await;
    }
}

/// A job in a worker's hands. If its runtime ends under it, it goes back to the queue.
struct Running {
    releases: Arc<Releases>,
    job: Option<Job>,
}

impl Running {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        while let Some(job) = &mut self.job {
            let answer = job.send(&*self.releases.store).await;
            let (first, over) = (job.sendings <= 1, Instant::now() >= job.over);
            if first {
                self.releases.wrote(&job.key);
            }
            job.sendings = job.sendings.max(1) + 1;
            match answer {
                Ok(code) => {
                    if code == Release::NotDeleted {
                        tracing::warn!(key = %job.key, "the lock was ours but could not be deleted, its ttl ends it");
                    }
                    return self.settle(Some(Released { code, first }));
                }
                Err(error) if over => {
                    tracing::warn!(key = %job.key, %error, "the release was not answered, the ttl ends the lock");
                    return self.settle(None);
                }
                Err(error) => {
                    tracing::debug!(key = %job.key, %error, "the release is sent again");
                    if error.is_final() {
                        // A refusal may end (replicas come back), but not while the caller waits.
                        job.reply = None;
                    }
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn settle(&mut self, answer: Option<Released>) {
        let Some(job) = self.job.take() else { return };
        self.releases.queue().releasing -= 1;
        self.releases.settled.notify_waiters();
        self.releases.lines.freed(&job.key);
        if let (Some(reply), Some(answer)) = (job.reply, answer) {
            // The caller may have stopped waiting.
            let _ = reply.send(answer);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut job) = self.job.take() else {
            return;
        };
        job.sendings = job.sendings.max(1);
        self.releases.queue().jobs.push_front(job);
        self.releases.work.notify_waiters();
    }
}

impl Job {
    /// On the connection that carried the SET while it is sound: only there the CAD cannot
    /// overtake it.
    async fn send(&mut self, store: &dyn LockStore) -> Result<Release, crate::store::StoreError> {
        if !self.session.is_open() || self.sendings > 1 {
            self.session = store.session().await?;
        }
        self.session.release(&self.key, &self.token).await
    }
}

impl Releases {
    /// The first sending of a release of `key` is over: a later command cannot overtake it.
    fn wrote(&self, key: &str) {
        let mut queue = self.queue();
        if let Some(count) = queue.unwritten.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                queue.unwritten.remove(key);
            }
        }
        drop(queue);
        self.settled.notify_waiters();
    }
}
