//! A contender that has the lock becomes a guard.

use super::Contender;
use crate::guard::LockGuard;
use crate::held::Held;
use crate::lease::{Claim, Lease};
use crate::observe::{self, Telling};

impl Contender<'_> {
    pub(crate) fn guard(self, lease: Lease) -> LockGuard {
        self.guard_with(lease, None)
    }

    /// A guard of a lease that lasts for a claim alone, if need be.
    pub(crate) fn guard_with(mut self, lease: Lease, claim: Option<Claim>) -> LockGuard {
        self.place.hold();
        if let Some(giver) = self.giver {
            observe::handed_over(self.call.name, self.call.key, giver);
        }
        let held = Held {
            shared: self.call.shared.clone(),
            key: self.call.key.clone(),
            token: self.token,
            function: self.call.name.function,
            telling: Telling::begins(self.call.name),
            lease,
            extensions: (!self.call.options.min_hold.is_zero()).then(Box::default),
        };
        LockGuard::new(held, self.place, self.fence, self.call.options, claim)
    }
}
