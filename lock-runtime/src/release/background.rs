//! Releases that nobody waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use super::job::Job;
use super::queue::Releases;
use super::worker::{Running, worker_here};

/// Wakes the worker that a release is begun for.
struct Relay {
    worker: Option<Waker>,
    woken: AtomicBool,
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        if let Some(worker) = &self.worker {
            worker.wake_by_ref();
        }
    }
}

/// Sends a release as far as can be done without waiting; the worker of the calling runtime goes on.
/// It is not woken before there is an answer.
pub(super) fn send_ahead(releases: &Arc<Releases>, job: Job) {
    let (here, worker) = worker_here(releases);
    let worker = worker.and_then(|worker| worker.waker());
    let relay = Arc::new(Relay {
        worker,
        woken: AtomicBool::new(false),
    });
    let waker = Waker::from(relay.clone());
    let mut begun = Running::new(releases, job).begun();
    if begun
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
    {
        releases.go_on(here, begun);
        // The answer may have come before the worker could find it.
        if relay.worker.is_none() || relay.woken.load(Ordering::SeqCst) {
            releases.wake();
        }
    }
}
