//! Releases that their callers drive, so that nobody else has to be woken.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::{Handle, Id};
use tokio::sync::oneshot::error::TryRecvError;

use super::job::{Answer, Job};
use super::queue::Releases;
use super::worker::{Running, worker_here};
use super::works::{Driven, UnderWay};

/// A release in the hands of its caller. Dropped, a worker goes on with it.
struct Driving {
    releases: Arc<Releases>,
    here: Id,
    release: Arc<UnderWay>,
}

impl Driving {
    /// Whether it is still in these hands.
    fn poll(&self, context: &mut Context<'_>) -> bool {
        let mut driven = self.release.driven();
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
    /// Where it was sent somebody runs now who can go on with it. Dropped elsewhere it goes to whichever
    /// worker comes first, and is sent again: its own runtime may stand still, and would keep it from all
    /// others. That costs a hand-over under way, whose heir asks by itself then.
    fn drop(&mut self) {
        let begun = self.release.driven().begun.take();
        let Some(begun) = begun else { return };
        if Handle::try_current().is_ok_and(|runtime| runtime.id() == self.here) {
            self.releases.go_on(self.here, begun);
            self.releases.wake();
        } else {
            // Which puts its job back.
            drop(begun);
        }
    }
}

/// Sends a release and gives its answer; none if none comes.
///
/// Cancellation safety: a worker goes on with it, that of the runtime in which it was first polled after a
/// while also if it is kept and not polled.
pub(super) async fn drive(releases: &Arc<Releases>, mut job: Job) -> Option<Answer> {
    let (here, worker) = worker_here(releases);
    let mut answer = job.reply();
    let begun = Running::new(releases, job).begun();
    let driving = Driving {
        releases: releases.clone(),
        here,
        release: Arc::default(),
    };
    driving.release.driven().begun = Some(begun);
    let mut watched = false;
    poll_fn(|context| {
        let ours = driving.poll(context);
        // The answer comes in our own poll, and needs no waking then.
        match answer.try_recv() {
            Ok(answer) => return Poll::Ready(Some(answer)),
            Err(TryRecvError::Closed) => return Poll::Ready(None),
            Err(TryRecvError::Empty) => {}
        }
        if !ours {
            return Pin::new(&mut answer).poll(context).map(Result::ok);
        }
        if let Some(worker) = &worker
            && !std::mem::replace(&mut watched, true)
        {
            worker.watch(&driving.release);
        }
        Poll::Pending
    })
    .await
}
