//! A body that tells when it is polled.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use lock_runtime::{__simulation as library, LockGuard};

use crate::clock::{micros, now};
use crate::link::Link;
use crate::protocol::Told;

/// Who says until when the body may act.
#[derive(Clone, Copy)]
pub(crate) enum Term<'a> {
    /// The library, of a lock with this ttl.
    Guard(&'a LockGuard, Duration),
    /// Nobody; what a user of a naive lock may hope for: its ttl from the moment it was asked for.
    Hope { since: u64, deadline: u64 },
}

impl Term<'_> {
    /// The deadline as the library tells it now; `None` once it says that the lock is lost.
    fn deadline(self) -> Option<u64> {
        let Self::Guard(guard, _) = self else {
            return None;
        };
        loop {
            let before = now();
            let remaining = guard.remaining();
            let after = now();
            if remaining.is_zero() {
                return None;
            }
            // Stopped in between, the sum would be a deadline that nobody told.
            if after - before < 100 {
                return Some(after + micros(remaining));
            }
        }
    }

    /// When its lease began to count.
    fn since(self, deadline: u64) -> u64 {
        match self {
            // What the library leaves as a margin: a hundredth and two milliseconds.
            Self::Guard(_, ttl) => deadline.saturating_sub(micros(ttl * 99 / 100) - 2_000),
            Self::Hope { since, .. } => since,
        }
    }
}

/// Wraps the body of a call: its first act at every poll is a look at the clock. Reports are written
/// before the body goes on, the last one when it is dropped, before the lock is given back.
pub(crate) struct Watched<'a, F> {
    body: Pin<Box<F>>,
    link: &'a Link,
    call: u64,
    term: Term<'a>,
    /// The latest deadline that was told; none before the first poll.
    deadline: Option<u64>,
}

impl<'a, F> Watched<'a, F> {
    pub(crate) fn new(link: &'a Link, call: u64, term: Term<'a>, body: F) -> Self {
        Self {
            body: Box::pin(body),
            link,
            call,
            term,
            deadline: None,
        }
    }

    fn polled(&mut self, at: u64, looked: u64) {
        let call = self.call;
        let told = match self.term {
            Term::Hope { deadline, .. } => Some(deadline),
            Term::Guard(..) => self.term.deadline(),
        };
        let Some(known) = self.deadline else {
            let deadline = told.unwrap_or(at);
            self.deadline = Some(deadline);
            self.link.tell(Told::Opened {
                call,
                at,
                since: self.term.since(deadline),
                deadline,
            });
            if told.is_none_or(|deadline| at > deadline) {
                self.late(at, deadline, looked);
            }
            return;
        };
        let deadline = told.map_or(known, |told| told.max(known));
        // Two readings of one deadline differ by the time between clock and lease.
        if deadline > known + 200 {
            self.deadline = Some(deadline);
            self.link.tell(Told::Extended { call, deadline });
        }
        if at > deadline {
            self.late(at, deadline, looked);
        }
    }

    fn late(&self, at: u64, deadline: u64, looked: u64) {
        self.link.tell(Told::Late {
            call: self.call,
            at,
            deadline,
            looked,
        });
    }
}

/// When the library looked at a lease for the last time, before it polled the body on this thread.
fn looked(at: u64) -> u64 {
    // `at` was read before: a stop in between makes the look earlier, which excuses nothing.
    let since = library::looked().map(|looked| looked.elapsed());
    since.map_or(0, |since| at.saturating_sub(micros(since)))
}

impl<F: Future> Future for Watched<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let at = now();
        self.polled(at, looked(at));
        self.body.as_mut().poll(context)
    }
}

impl<F> Drop for Watched<'_, F> {
    fn drop(&mut self) {
        if self.deadline.is_some() {
            let (call, at) = (self.call, now());
            self.link.tell(Told::Closed { call, at });
        }
    }
}
