//! What happened, and what must not have.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lock_runtime::{LockError, LockGuard};
use tokio::time::Instant;

#[derive(Default)]
pub(crate) struct Record {
    counts: Mutex<BTreeMap<String, usize>>,
    objections: Mutex<Vec<String>>,
    /// Guards in the hands of their actors.
    held: Mutex<Vec<(u64, Arc<LockGuard>)>>,
    /// When each key was held by a call that ended well.
    done: Mutex<Vec<(u64, Instant, Instant)>>,
}

impl Record {
    pub(crate) fn count(&self, what: impl Into<String>) {
        let mut counts = self.counts.lock().expect("no panic");
        *counts.entry(what.into()).or_default() += 1;
    }

    pub(crate) fn count_error(&self, what: &str, error: &LockError) {
        let error = format!("{error:?}");
        let name = error.split([' ', '{']).next().unwrap_or_default();
        self.count(format!("{what}: {name}"));
    }

    pub(crate) fn object(&self, wrong: bool, told: impl FnOnce() -> String) {
        if wrong {
            self.objections.lock().expect("no panic").push(told());
        }
    }

    /// `guard` is in the hands of its actor: nobody else may trust a lease on its key.
    pub(crate) fn holds(&self, key: u64, guard: &Arc<LockGuard>) {
        let mut held = self.held.lock().expect("no panic");
        for (other, lease) in held.iter().filter(|(other, _)| *other == key) {
            let two = !lease.remaining().is_zero() && !guard.remaining().is_zero();
            self.object(two, || format!("two trust a lease on {other}"));
        }
        held.push((key, guard.clone()));
    }

    pub(crate) fn lets_go(&self, guard: &Arc<LockGuard>) {
        let mut held = self.held.lock().expect("no panic");
        held.retain(|(_, other)| !Arc::ptr_eq(other, guard));
    }

    /// A call said that its lock was held from `from` to `to`.
    pub(crate) fn was_held(&self, key: u64, from: Instant, to: Instant) {
        self.done.lock().expect("no panic").push((key, from, to));
    }

    pub(crate) fn object_to_overlaps(&self) {
        let mut done = self.done.lock().expect("no panic");
        done.sort();
        for pair in done.windows(2) {
            let [(key, _, to), (next, from, _)] = pair else {
                continue;
            };
            self.object(key == next && from < to, || {
                format!("two calls that ended well met on {key}")
            });
        }
    }

    pub(crate) fn objections(&self) -> Vec<String> {
        self.objections.lock().expect("no panic").clone()
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        self.counts.lock().expect("no panic").clone()
    }
}
