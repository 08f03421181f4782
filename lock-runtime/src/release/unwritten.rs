//! Releases that were not answered: a later command could overtake them.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::lock_key::{ByKey, LockKey};
use crate::store::LockSession;
use crate::token::LockToken;

/// Room that is kept when there is none.
const KEPT: usize = 32;

/// By key.
#[derive(Default)]
pub(super) struct Unwritten(ByKey<AtKey>);

/// Hardly ever more than one.
struct AtKey {
    one: Sent,
    more: Vec<Sent>,
}

struct Sent {
    token: LockToken,
    /// The one session that its first CAD went down: what follows there cannot overtake it.
    on: Option<Arc<dyn LockSession>>,
}

impl Unwritten {
    pub(super) fn expect(&mut self, key: &LockKey, token: &LockToken) {
        let token = token.clone();
        let one = Sent { token, on: None };
        match self.0.entry(key.clone()) {
            Entry::Occupied(at_key) => at_key.into_mut().more.push(one),
            Entry::Vacant(nothing) => {
                let more = Vec::new();
                nothing.insert(AtKey { one, more });
            }
        }
    }

    /// The first CAD of `token` is on its way, and goes down no other session.
    pub(super) fn sent(&mut self, key: &LockKey, token: &LockToken, on: &Arc<dyn LockSession>) {
        let Some(at_key) = self.0.get_mut(key) else {
            return;
        };
        let mut all = std::iter::once(&mut at_key.one).chain(&mut at_key.more);
        if let Some(sent) = all.find(|sent| sent.token == *token) {
            sent.on = Some(on.clone());
        }
    }

    pub(super) fn written(&mut self, key: &LockKey, token: &LockToken) {
        let Some(at_key) = self.0.get_mut(key) else {
            return;
        };
        at_key.more.retain(|sent| sent.token != *token);
        if at_key.one.token != *token {
            return;
        }
        match at_key.more.pop() {
            Some(other) => at_key.one = other,
            None => {
                self.0.remove(key);
            }
        }
        if self.0.is_empty() && self.0.capacity() > 2 * KEPT {
            self.0.shrink_to(KEPT);
        }
    }

    pub(super) fn is_at(&self, key: &LockKey) -> bool {
        self.0.contains_key(key)
    }

    /// Whether a command for `key` on `session` can overtake none.
    pub(super) fn are_ahead(&self, key: &LockKey, session: &Arc<dyn LockSession>) -> bool {
        self.at(key)
            .all(|sent| sent.on.as_ref().is_some_and(|on| Arc::ptr_eq(on, session)))
    }

    pub(super) fn tokens(&self, key: &LockKey) -> Vec<LockToken> {
        self.at(key).map(|sent| sent.token.clone()).collect()
    }

    fn at(&self, key: &LockKey) -> impl Iterator<Item = &Sent> {
        let at_key = self.0.get(key).into_iter();
        at_key.flat_map(|at_key| std::iter::once(&at_key.one).chain(&at_key.more))
    }
}
