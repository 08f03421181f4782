//! What happens to a body whose lock is lost under it: in memory to the millisecond, on a real
//! server with its own clock.

mod memory;
mod server;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lock_runtime::{LockError, Ownership};
use tokio::time::{Duration, Instant, sleep};

#[derive(Debug, PartialEq)]
pub(crate) enum JobError {
    Lost(Option<bool>),
    Lock,
    Own,
}

impl From<LockError> for JobError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Lost { found, .. } => {
                Self::Lost(found.map(|found| found == Ownership::Mine))
            }
            _ => Self::Lock,
        }
    }
}

/// What a body saw.
#[derive(Default)]
pub(crate) struct Seen {
    polls: AtomicUsize,
    last: Mutex<Option<Instant>>,
    dropped: Mutex<Option<Instant>>,
}

impl Seen {
    pub(crate) fn polls(&self) -> usize {
        self.polls.load(Ordering::SeqCst)
    }

    pub(crate) fn last_poll(&self) -> Instant {
        self.last.lock().expect("no panic").expect("was polled")
    }

    pub(crate) fn dropped(&self) -> Instant {
        self.dropped.lock().expect("no panic").expect("was dropped")
    }
}

/// A local of a body, which tells when it goes.
pub(crate) struct Noted(pub(crate) Arc<Seen>);

impl Drop for Noted {
    fn drop(&mut self) {
        *self.0.dropped.lock().expect("no panic") = Some(Instant::now());
    }
}

pub(crate) async fn step(seen: &Seen, length: Duration) {
    let mut sleep = std::pin::pin!(sleep(length));
    std::future::poll_fn(|context| {
        seen.polls.fetch_add(1, Ordering::SeqCst);
        *seen.last.lock().expect("no panic") = Some(Instant::now());
        sleep.as_mut().poll(context)
    })
    .await;
}
