//! Those who have to do with a key's line: its waiters, and the locks they wait for.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Left, Lines};
use crate::lock_key::LockKey;
use crate::token::{Holder, LockToken};

/// A waiter's place in the line of a key. Only the first contends at the store.
pub(crate) struct Member {
    pub(super) lines: Arc<Lines>,
    pub(super) key: LockKey,
    pub(super) id: u64,
    pub(super) wake: Arc<Notify>,
}

/// A lock of this client: those in line wait for its release.
pub(crate) struct Holding {
    pub(super) lines: Arc<Lines>,
    pub(super) key: LockKey,
    pub(super) token: LockToken,
}

impl Member {
    /// Whether everybody who came earlier has left.
    pub(crate) fn is_first(&self) -> bool {
        let all = self.lines.all();
        let first = all
            .lines
            .get(&self.key)
            .and_then(|line| line.waiters.front());
        first.is_some_and(|first| first.id == self.id)
    }

    /// Whether this client itself holds the lock, as far as it knows.
    pub(crate) fn is_held_here(&self) -> bool {
        self.held_until().is_some()
    }

    /// Until when it holds it, if it does.
    pub(crate) fn held_until(&self) -> Option<Instant> {
        let all = self.lines.all();
        all.lines.get(&self.key)?.held_until()
    }

    /// Leaves `heir` for whoever can hand the lock over.
    pub(crate) fn leave_heir(&self, heir: Left) {
        // Dropped, the one before wakes somebody: not under the mutex.
        drop(self.change_heir(Some(heir)));
    }

    /// Whether it stands there still: it was taken out if it was served, even too late for it.
    pub(crate) fn is_in_line(&self) -> bool {
        let all = self.lines.all();
        let line = all.lines.get(&self.key);
        line.is_some_and(|line| line.waiters.iter().any(|waiter| waiter.id == self.id))
    }

    /// Takes the heir back; says whether it was still there.
    pub(crate) fn take_heir(&self) -> bool {
        self.change_heir(None).is_some()
    }

    /// Gives the one before.
    fn change_heir(&self, heir: Option<Left>) -> Option<Left> {
        let mut all = self.lines.all();
        let mut waiters = all.lines.get_mut(&self.key)?.waiters.iter_mut();
        let own = waiters.find(|waiter| waiter.id == self.id)?;
        std::mem::replace(&mut own.heir, heir)
    }

    /// Whether it stands in line on the server.
    pub(crate) fn stands(&self, stands: bool) {
        let mut all = self.lines.all();
        let waiters = all.lines.get_mut(&self.key);
        let mut waiters = waiters.into_iter().flat_map(|line| &mut line.waiters);
        if let Some(own) = waiters.find(|waiter| waiter.id == self.id) {
            own.stands = stands;
        }
    }

    /// A waiter that was served, and got nothing it could use, is the first again.
    pub(crate) fn join_first(&mut self) {
        let lines = self.lines.clone();
        let mut all = lines.all();
        let again = lines.join_at(&mut all, &self.key, VecDeque::push_front);
        drop(all);
        *self = again;
    }

    pub(crate) fn saw(&self, holder: &Holder) {
        self.lines.saw(&self.key, holder.clone());
    }

    pub(crate) fn seen(&self) -> Option<Holder> {
        self.lines.seen(&self.key)
    }

    /// Ends when this waiter, as the first, has to look: this client gave a lock of the key back, or it became
    /// the first while this client holds none, or one that is over soon.
    ///
    /// Cancellation safety: what was not waited for comes at the next call.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.lines.leave(&self.key, self.id);
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let mut all = self.lines.all();
        if let Some(line) = all.lines.get_mut(&self.key) {
            if let Some(at) = line.held.iter().position(|(held, _)| *held == self.token) {
                line.held.swap_remove(at);
            }
            if line.held.is_empty() {
                line.in_a_row = 0;
                line.wake_first();
            }
        }
        let over = all.tidy(&self.key);
        drop(all);
        drop(over);
    }
}
