//! Releases that their callers drive, so that nobody else has to be woken; and the worker, where a
//! caller does not.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

use super::job::{Answer, Job};
use super::queue::{Begun, Releases};
use super::worker::{Running, with_worker};

/// So long a caller may leave its release alone. Somebody may be waiting for the lock, who must not
/// depend on whether a caller is polled.
const PATIENCE: Duration = Duration::from_millis(5);

/// A worker, as those in its runtime see it.
#[derive(Default)]
pub(super) struct Works {
    /// From its first poll on.
    waker: OnceLock<Waker>,
    /// What callers have begun, in the order of time.
    driven: Mutex<VecDeque<(Instant, Weak<Slot>)>>,
}

#[derive(Default)]
struct Slot(Mutex<Driven>);

#[derive(Default)]
struct Driven {
    /// None once it is done, or in the hands of the worker.
    begun: Option<Begun>,
    caller: Option<Waker>,
}

impl Slot {
    fn driven(&self) -> MutexGuard<'_, Driven> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Works {
    pub(super) fn wakes(&self, waker: &Waker) {
        self.waker.get_or_init(|| waker.clone());
    }

    pub(super) fn waker(&self) -> Option<Waker> {
        self.waker.get().cloned()
    }

    fn driven(&self) -> MutexGuard<'_, VecDeque<(Instant, Weak<Slot>)>> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the worker look after it. It is woken for the first one alone, and looks at the others then.
    fn watch(&self, slot: &Arc<Slot>) {
        let mut driven = self.driven();
        let first = driven.is_empty();
        driven.push_back((Instant::now() + PATIENCE, Arc::downgrade(slot)));
        drop(driven);
        if first && let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// What callers have left alone for too long is the worker's now; gives when to look again.
    pub(super) fn neglected(&self, mut take: impl FnMut(Begun)) -> Option<Instant> {
        let now = Instant::now();
        loop {
            let mut all = self.driven();
            let (at, _) = all.front()?;
            if *at > now {
                return Some(*at);
            }
            let slot = all.pop_front().and_then(|(_, slot)| slot.upgrade());
            drop(all);
            let Some(slot) = slot else { continue };
            let mut driven = slot.driven();
            let (begun, caller) = (driven.begun.take(), driven.caller.take());
            drop(driven);
            if let Some(begun) = begun {
                take(begun);
                // It waits for the answer alone from now on.
                caller.into_iter().for_each(Waker::wake);
            }
        }
    }
}

/// A release in the hands of its caller. Dropped, the worker goes on with it.
struct Driving {
    releases: Arc<Releases>,
    here: Id,
    slot: Arc<Slot>,
}

impl Driving {
    /// Whether it is still in these hands.
    fn poll(&self, context: &mut Context<'_>) -> bool {
        let mut driven = self.slot.driven();
        let Driven { begun, caller } = &mut *driven;
        let Some(release) = begun else { return false };
        if release.as_mut().poll(context).is_ready() {
            *begun = None;
            return false;
        }
        if !caller
            .as_ref()
            .is_some_and(|caller| caller.will_wake(context.waker()))
        {
            *caller = Some(context.waker().clone());
        }
        true
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        let begun = self.slot.driven().begun.take();
        if let Some(begun) = begun {
            self.releases.go_on(self.here, begun);
            self.releases.wake();
        }
    }
}

/// Sends a release and gives its answer; none if none comes.
///
/// Cancellation safety: the worker of the runtime in which it was first polled goes on with it, and after
/// [`PATIENCE`] also if it is kept and not polled.
pub(super) async fn drive(releases: &Arc<Releases>, mut job: Job) -> Option<Answer> {
    let here = Handle::current().id();
    let worker = {
        let queue = with_worker(releases);
        queue.workers.get(&here).and_then(Weak::upgrade)
    };
    let mut answer = job.reply();
    let begun = Running::new(releases, job).begun();
    let driving = Driving {
        releases: releases.clone(),
        here,
        slot: Arc::default(),
    };
    driving.slot.driven().begun = Some(begun);
    let mut watched = false;
    poll_fn(|context| {
        let ours = driving.poll(context);
        // The answer comes in our own poll, and needs no waking then.
        if let Ok(answer) = answer.try_recv() {
            return Poll::Ready(Some(answer));
        }
        if !ours {
            return Pin::new(&mut answer).poll(context).map(Result::ok);
        }
        if let Some(worker) = &worker
            && !std::mem::replace(&mut watched, true)
        {
            worker.watch(&driving.slot);
        }
        Poll::Pending
    })
    .await
}
