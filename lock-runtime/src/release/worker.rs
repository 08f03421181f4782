//! The worker of a runtime: sends releases until they are answered or their ttl is over.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, MutexGuard, Weak};
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, sleep_until};

use super::job::{Answer, Carrier, Job, Released};
use super::queue::{Queue, Releases};
use super::works::{Begun, Works};
use crate::error::{StoreError, StoreErrorKind};
use crate::line::Lines;
use crate::lock_key::LockKey;
use crate::observe;
use crate::store::{Head, LockSession, LockStore, Release};
use crate::token::LockToken;

pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Starts a worker in the calling runtime if it has none.
pub(crate) fn ensure_worker(releases: &Arc<Releases>) {
    drop(with_worker(releases));
}

/// The same, for one who has to do with the queue next.
pub(super) fn with_worker(releases: &Arc<Releases>) -> MutexGuard<'_, Queue> {
    let runtime = Handle::current();
    let mut queue = releases.queue();
    let works = |worker: &Weak<Works>| worker.strong_count() > 0;
    if queue.workers.get(runtime.id()).is_some_and(works) {
        return queue;
    }
    let worker = Arc::new(Works::default());
    queue
        .workers
        .set(runtime.id(), Arc::downgrade(&worker), works);
    drop(queue);
    // Not under the mutex: where the runtime ends, the task is dropped here.
    let mut end = End {
        releases: releases.clone(),
        here: runtime.id(),
        worker,
    };
    runtime.spawn(async move { end.work().await });
    releases.queue()
}

/// The calling runtime, and its worker, as long as there is one.
pub(super) fn worker_here(releases: &Arc<Releases>) -> (Id, Option<Arc<Works>>) {
    let here = Handle::current().id();
    let queue = with_worker(releases);
    (here, queue.workers.get(here).and_then(Weak::upgrade))
}

/// A worker's end: what was begun for it and did not get to it goes back.
struct End {
    releases: Arc<Releases>,
    here: Id,
    worker: Arc<Works>,
}

impl End {
    /// Sends jobs side by side, so that one without an answer holds up no other. They are not tasks of
    /// their own: a runtime that shuts down drops them where they are, back into the queue.
    async fn work(&mut self) {
        let releases = &self.releases;
        let mut running = FuturesUnordered::new();
        let mut look = pin!(sleep_until(Instant::now()));
        let mut over = false;
        while !over {
            let mut work = pin!(releases.work());
            work.as_mut().enable();
            over = poll_fn(|context| {
                self.worker.wakes(context.waker());
                while let Some(at) = self.worker.neglected(|begun| running.push(begun)) {
                    if look.deadline() != at {
                        look.as_mut().reset(at);
                    }
                    if look.as_mut().poll(context).is_pending() {
                        break;
                    }
                }
                while let Some(job) = releases.pop() {
                    running.push(Running::new(releases, job).begun());
                }
                while let Some(mut begun) = releases.pop_begun(self.here) {
                    // In all likelihood answered by now.
                    if begun.as_mut().poll(context).is_pending() {
                        running.push(begun);
                    }
                }
                while let Poll::Ready(Some(())) = running.poll_next_unpin(context) {}
                if releases.is_over() {
                    return Poll::Ready(true);
                }
                work.as_mut().poll(context).map(|()| false)
            })
            .await;
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.releases.abandon(self.here);
    }
}

/// A job in the hands of a worker, or of the caller who waits for it.
pub(super) struct Running {
    pub(super) releases: Arc<Releases>,
    pub(super) job: Option<Job>,
}

impl Running {
    pub(super) fn new(releases: &Arc<Releases>, job: Job) -> Self {
        Self {
            releases: releases.clone(),
            job: Some(job),
        }
    }

    pub(super) fn begun(self) -> Begun {
        Box::pin(self.run())
    }

    /// Until it is settled.
    async fn run(mut self) {
        while let Some(job) = &self.job {
            if let Some(again) = job.again {
                sleep_until(again).await;
            }
            self.attempt(true).await;
        }
    }

    /// Sends it once; or, if `to_waiters`, hands the lock over to one of them. What more is to be done
    /// stays, and gives what the caller can be told already.
    pub(super) async fn attempt(&mut self, to_waiters: bool) -> Option<Answer> {
        let job = self.job.as_mut()?;
        // A store that panics over one job must not take the others with it.
        let sent = {
            let sent = pin!(async {
                if to_waiters {
                    // Boxed: a release that nobody waits for would carry it.
                    Box::pin(job.hand_over(&self.releases)).await;
                }
                job.send(&self.releases).await
            });
            AssertUnwindSafe(sent).catch_unwind().await
        };
        let Ok(failure) = sent else {
            observe::release_failed(job.label, "panicked");
            tracing::error!(key = %job.key, "the store panicked over the release, the ttl ends the lock");
            let message = "the store panicked over the release, mend it";
            job.tell(Err(StoreError::new(StoreErrorKind::Disconnected, message)));
            return self.settle();
        };
        if job.carriers.is_empty() {
            return self.settle();
        }
        // What got lost or was put off could still be overtaken.
        if failure.as_ref().is_none_or(StoreError::is_final) && std::mem::take(&mut job.unwritten) {
            self.releases.written(&job.key, &job.token);
        }
        job.holding = None;
        let over = Instant::now() >= job.over;
        if let Some(error) = failure {
            if over {
                observe::release_failed(job.label, "unanswered");
                tracing::warn!(key = %job.key, %error, "the release was not answered, the ttl ends the lock");
            } else {
                tracing::debug!(key = %job.key, %error, "the release is sent again");
            }
            // A refusal may end (replicas come back), but the caller is told at once.
            if over || error.is_final() {
                job.tell(Err(error));
            }
        }
        if over {
            return self.settle();
        }
        job.again = Some(Instant::now() + job.pause);
        job.pause = (job.pause * 2).min(LONGEST_PAUSE);
        job.answer.take()
    }

    fn settle(&mut self) -> Option<Answer> {
        let mut job = self.job.take()?;
        self.releases.settled(&job);
        job.answer.take()
    }
}

impl Drop for Running {
    /// Its worker ended under it, or its caller goes on without it: a worker goes on.
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            self.releases.put_back(job);
        }
    }
}

impl Job {
    /// Sends a CAD for every session whose answer is still wanted. Gives the last error.
    ///
    /// Cancellation safety: what was answered is taken note of before the next CAD is sent.
    async fn send(&mut self, releases: &Releases) -> Option<StoreError> {
        let store = &*releases.store;
        let tries = self.tries;
        self.tries += 1;
        let mut failure = None;
        let mut at = 0;
        while at < self.carriers.len() {
            let sole = tries == 0 && self.carriers.len() == 1;
            let out = self
                .carriers
                .iter()
                .filter(|carrier| carrier.unanswered > 0);
            let out = out.count();
            let carrier = &mut self.carriers[at];
            // Otherwise what is deleted may be the work of another SET than those out here, or of whoever
            // passed the lock on to it.
            let only =
                !self.stood && self.head.is_none() && out == usize::from(carrier.unanswered > 0);
            let mut first = !std::mem::replace(&mut self.sent, true);
            let (key, token) = (&self.key, &self.token);
            let given_back = GivenBack {
                lines: &releases.lines,
                key,
                token,
                head: self.head.as_ref(),
            };
            let mut answer = None;
            if let Some(own) = carrier.own_session(tries) {
                let mut sent = pin!(carrier.release(own.clone(), &given_back, only));
                let mut ahead = sole;
                let own = poll_fn(|context| {
                    let answer = sent.as_mut().poll(context);
                    if answer.is_pending() && std::mem::take(&mut ahead) {
                        releases.sent(key, token, &own);
                    }
                    answer
                })
                .await;
                match own.as_ref().map_err(StoreError::kind) {
                    // Nothing more to wait for there: its driver ended, perhaps with its runtime.
                    Err(StoreErrorKind::Unreachable) => {}
                    Err(StoreErrorKind::Disconnected) => first = false,
                    // Silent still, and perhaps for good.
                    Err(StoreErrorKind::Timeout) if tries > 0 => {}
                    _ => answer = Some(own),
                }
            }
            let answer = match answer {
                Some(answer) => answer,
                None => carrier.release_elsewhere(store, &given_back, only).await,
            };
            match answer {
                Ok(code) => {
                    self.stood = false;
                    if code == Release::NotDeleted {
                        observe::release_failed(self.label, "not_deleted");
                        tracing::warn!(key = %self.key, "the lock was ours but could not be deleted, its ttl ends it");
                    }
                    let found = Released { code, first };
                    if let Some(unheard) = self.unheard.take() {
                        unheard.take_note(key, self.label, found);
                    }
                    let settled = carrier.unanswered == 0;
                    self.tell(Ok(found));
                    if settled {
                        self.carriers.remove(at);
                        continue;
                    }
                }
                Err(error) => {
                    // It did not run: the next sending counts as the first.
                    use StoreErrorKind::{Unavailable, Unreachable};
                    if first && matches!(error.kind(), Unavailable | Unreachable) {
                        self.sent = false;
                    }
                    failure = Some(error);
                }
            }
            at += 1;
        }
        failure
    }
}

impl Carrier {
    /// A CAD behind a SET on the same connection cannot overtake it, even if that connection is
    /// silent: once written it needs no answer. Any other may come before the SET lands. An answer
    /// there settles what no other session can, so it is tried again, but only after another one: those
    /// who wait for this release need not wait for that.
    fn own_session(&self, tries: usize) -> Option<Arc<dyn LockSession>> {
        let own = match tries {
            0 => self.unanswered > 0 || self.session.is_open(),
            1 => false,
            _ => self.unanswered > 0,
        };
        own.then(|| self.session.clone())
    }

    async fn release_elsewhere(
        &mut self,
        store: &dyn LockStore,
        given_back: &GivenBack<'_>,
        only: bool,
    ) -> Result<Release, StoreError> {
        let session = store.session().await?;
        self.release(session, given_back, only).await
    }

    async fn release(
        &mut self,
        session: Arc<dyn LockSession>,
        given_back: &GivenBack<'_>,
        only: bool,
    ) -> Result<Release, StoreError> {
        let code = given_back.on(&session).await?;
        if Arc::ptr_eq(&session, &self.session) {
            self.unanswered = 0;
        } else if code == Release::Deleted && only {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
        Ok(code)
    }
}

/// A token that is to be deleted from its key, and from its line.
struct GivenBack<'a> {
    lines: &'a Lines,
    key: &'a LockKey,
    token: &'a LockToken,
    head: Option<&'a Head>,
}

impl GivenBack<'_> {
    async fn on(&self, session: &Arc<dyn LockSession>) -> Result<Release, StoreError> {
        let Self {
            lines,
            key,
            token,
            head,
        } = *self;
        let line = lines.key_of(key);
        let others = lines.has_others(key);
        let passed = match &line {
            Some(line) if head.is_some() || others => {
                let passed = session.pass(key, line, token, head, None, Duration::ZERO);
                passed.await?
            }
            line => session.release(key, line.as_deref(), token).await?,
        };
        if passed.others != others {
            lines.note_others(key, passed.others);
        }
        if let Some(line) = line
            && passed.release == Release::Deleted
            && passed.others
        {
            pass_afterwards(session.clone(), key, line, token);
        }
        Ok(passed.release)
    }
}

/// Passes on what was deleted while somebody stood in line, who was not told. Ahead of whatever this
/// client asks next; its answer says nothing that anybody waits for, but it has to live until it is
/// written.
fn pass_afterwards(session: Arc<dyn LockSession>, key: &str, line: String, token: &LockToken) {
    let (key, token) = (key.to_owned(), token.clone());
    let mut passing = Box::pin(async move {
        let passed = session.pass(&key, &line, &token, None, None, Duration::ZERO);
        let _ = passed.await;
    });
    if passing.as_mut().now_or_never().is_none() {
        tokio::spawn(passing);
    }
}
