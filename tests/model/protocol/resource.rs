//! What the lock protects: a register that checks fences.

use crate::network::Grant;
use crate::rules::Rule;
use crate::world::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Read,
    Write,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Resource {
    /// The newest fence it was shown.
    fence: u8,
    /// The latest acquisition that has read or written it.
    latest: u8,
    /// A write was refused.
    pub(crate) refused: bool,
    /// A write was accepted from an acquisition older than one that has read or written since.
    pub(crate) overwritten: bool,
}

impl Resource {
    pub(crate) fn access(&mut self, access: Access, grant: Grant, world: &World) {
        let checks = access == Access::Write || world.keeps(Rule::FenceCheckedOnRead);
        if checks {
            if grant.fence < self.fence {
                self.refused |= access == Access::Write;
                return;
            }
            self.fence = grant.fence;
        }
        self.overwritten |= access == Access::Write && grant.rank < self.latest;
        self.latest = self.latest.max(grant.rank);
    }
}
