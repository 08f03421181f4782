//! The guarded bodies that are being polled right now, for the calls made inside of them.

use std::cell::RefCell;
use std::sync::Arc;

use crate::held::Held;
use crate::shared::Shared;

thread_local! {
    /// Outermost first. Only while a poll of a body is under way: what runs beside a body, in the
    /// same task or in another, is not inside of it.
    static BODIES: RefCell<Vec<Arc<Held>>> = const { RefCell::new(Vec::new()) };
}

/// When leases were looked at before polls, for a test that has to tell a body which was polled
/// without a look from a process that was stopped right after it.
#[cfg(feature = "testing")]
pub(crate) mod looks {
    use std::cell::Cell;

    use tokio::time::Instant;

    thread_local! {
        static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    /// The last look of this thread, if the lease lasted then.
    #[must_use]
    pub fn looked() -> Option<Instant> {
        LAST.get()
    }

    pub(crate) fn note(lasts: Option<Instant>) {
        LAST.set(lasts);
    }
}

/// Polls a body that runs under `held`.
pub(crate) fn poll<T>(held: &Arc<Held>, poll: impl FnOnce() -> T) -> T {
    /// Also leaves when the body panics.
    struct Leave;

    impl Drop for Leave {
        fn drop(&mut self) {
            BODIES.with_borrow_mut(Vec::pop);
        }
    }

    BODIES.with_borrow_mut(|bodies| bodies.push(held.clone()));
    let _leave = Leave;
    poll()
}

/// The function whose body this is called in and which holds `key` through the client: a body whose
/// lease is lost holds nothing.
pub(crate) fn holder(shared: &Arc<Shared>, key: &str) -> Option<&'static str> {
    BODIES.with_borrow(|bodies| {
        let holds = |held: &&Arc<Held>| {
            *held.key == *key && Arc::ptr_eq(&held.shared, shared) && !held.lease.is_lost()
        };
        Some(bodies.iter().rev().find(holds)?.function)
    })
}
