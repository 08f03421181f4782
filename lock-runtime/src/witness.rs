//! Who is told of every lock that a client takes: the test double, which may end its lease.

use std::sync::{Arc, Weak};

use crate::token::{LockToken, Ownership};

/// Called when a lock is held, before its body is polled.
pub(crate) type Witness = Box<dyn Fn(Taken) + Send + Sync>;

/// A lock that was taken.
pub(crate) struct Taken {
    pub(crate) key: Arc<str>,
    pub(crate) token: LockToken,
    pub(crate) tenure: Weak<dyn Tenure>,
}

/// A held lock, as far as a witness needs to know.
pub(crate) trait Tenure: Send + Sync {
    /// Whether its lease lasts.
    fn lasts(&self) -> bool;

    /// Ends its lease, as the store's answer to a renewal or a check does.
    fn end(&self, found: Ownership);
}

impl Taken {
    pub(crate) fn is_held(&self) -> bool {
        self.tenure.upgrade().is_some_and(|tenure| tenure.lasts())
    }

    pub(crate) fn end(&self, found: Ownership) {
        if let Some(tenure) = self.tenure.upgrade() {
            tenure.end(found);
        }
    }
}
