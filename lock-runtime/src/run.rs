//! Running a body under a lock: never polled when the lock is lost, dropped before it is given up.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::task::Poll;

use crate::error::LockError;
use crate::guard::LockGuard;
use crate::inside;
use crate::observe::{self, Call, Name};
use crate::options::OnLost;
use crate::request::LockRequest;
use crate::token::Ownership;

/// Where the guard lives while the body runs: declared before the body, so that on a cancelled
/// call the body is dropped first and the lock given up after it.
#[derive(Debug, Default)]
pub struct Slot(OnceLock<LockGuard>);

impl Slot {
    /// An empty slot.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The guard of the running body.
    ///
    /// # Panics
    ///
    /// Outside the body, which generated code does not do: the slot is filled before the body is
    /// first polled.
    pub fn guard(&self) -> &LockGuard {
        self.0.get().expect("the body runs while its lock is held")
    }
}

/// How a call ended.
#[derive(Debug)]
pub enum Outcome<T> {
    /// The body's output counts.
    Done(T),
    /// The body ended, but the lock was lost under it.
    Lost(T, LockError),
    /// The body did not run to its end.
    Failed(LockError),
}

impl<T> Outcome<T> {
    fn told(self, call: Call) -> Self {
        call.ended(match &self {
            Self::Done(_) => "done",
            Self::Lost(_, error) | Self::Failed(error) => error.word(),
        });
        self
    }

    /// The call's result. A failure of the body's own says more than the loss of its lock.
    pub fn settle(
        self,
        failed: impl FnOnce(&T) -> bool,
        or_else: impl FnOnce(LockError) -> T,
    ) -> T {
        match self {
            Self::Done(output) => output,
            Self::Lost(output, _) if failed(&output) => output,
            Self::Lost(_, error) | Self::Failed(error) => or_else(error),
        }
    }
}

/// A lock that a call asks for, or why it cannot.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) name: Name,
    pub(crate) request: Result<LockRequest, LockError>,
}

/// Takes the lock, runs the body in its place and gives the lock back.
///
/// Cancellation safety: a dropped call drops the body, then releases through the worker.
pub(crate) async fn run<F: Future>(
    asked: Box<Asked>,
    slot: &Slot,
    mut body: Pin<&mut Option<F>>,
) -> Outcome<F::Output> {
    let call = Call::begins(asked.name);
    // Boxed: its state is large, and every call would carry it.
    let acquired = match asked.request {
        Ok(request) => call.within(Box::pin(request.acquire())).await,
        Err(error) => {
            call.poll(|| observe::refused(asked.name, &error));
            Err(error)
        }
    };
    let guard = match acquired {
        Ok(guard) => slot.0.get_or_init(|| guard),
        Err(error) => return Outcome::Failed(error).told(call),
    };
    let output = {
        let under = pin!(under(guard, body.as_mut()));
        call.within(under).await
    };
    let in_time = !guard.lease().is_lost();
    if output.is_none() {
        guard.held().telling.lost();
    }
    // Its locals (a transaction to roll back) go before the lock does.
    call.poll(|| body.set(None));
    let output = match output {
        Some(output) if in_time && guard.give_up_in_background() => {
            return Outcome::Done(output).told(call);
        }
        output => output,
    };
    let given_up = call.within(Box::pin(guard.give_up(in_time))).await;
    let outcome = match (output, given_up) {
        (Some(output), Ok(_)) => Outcome::Done(output),
        (Some(output), Err(lost)) => Outcome::Lost(output, lost),
        (None, Err(lost)) => Outcome::Failed(lost),
        // Cut off, though the token was still there: past the deadline that counts for nothing.
        (None, Ok(_)) => Outcome::Failed(guard.lost_error(Some(Ownership::Mine))),
    };
    outcome.told(call)
}

/// Polls the body until its end, or under [`OnLost::Cancel`] until the lock is lost.
async fn under<F: Future>(guard: &LockGuard, mut body: Pin<&mut Option<F>>) -> Option<F::Output> {
    let mut lost = pin!(guard.lost());
    // Whatever is to be done on loss: nothing begins under a lease that is over.
    let mut cancel = true;
    let on_lost = guard.options().on_lost;
    poll_fn(|context| {
        if cancel && lost.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        let Some(body) = body.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        inside::poll(guard.held(), || {
            // Time may have passed since the last wake-up. Nothing comes between this and the body:
            // a process that is stopped there polls it late, and no code can help that.
            if std::mem::replace(&mut cancel, on_lost == OnLost::Cancel) {
                let lasts = guard.lease().lasts();
                #[cfg(feature = "testing")]
                inside::looks::note(lasts);
                if lasts.is_none() {
                    return Poll::Ready(None);
                }
            }
            body.poll(context).map(Some)
        })
    })
    .await
}
