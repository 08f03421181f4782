//! The lines of a store in memory, and the ears of those who stand in them.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;

use super::MemoryStore;
use crate::store::{Head, Inbox, Listener, LockSession, News, Position, StoreFuture, Stored};
use crate::token::LockToken;

const ADDRESS: &str = "memory";

#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Nothing is kept of one that is empty.
    lines: HashMap<String, VecDeque<Head>>,
    ears: HashMap<LockToken, Arc<Inbox>>,
    /// Those who are told of the next change of a key.
    watchers: HashMap<String, Vec<Arc<Inbox>>>,
}

impl Waiting {
    pub(super) fn stand(&mut self, key: &str, head: &Head) -> Position {
        let line = self.lines.entry(key.to_owned()).or_default();
        let at = line.iter().position(|other| other == head);
        if at.is_none() {
            line.push_back(head.clone());
        }
        Position {
            joined_now: at.is_none(),
            first: line.front() == Some(head),
        }
    }

    pub(super) fn leave(&mut self, key: &str, head: &Head) {
        let Some(line) = self.lines.get_mut(key) else {
            return;
        };
        line.retain(|other| other != head);
        if line.is_empty() {
            self.lines.remove(key);
        }
    }

    pub(super) fn in_line(&self, key: &str) -> usize {
        self.lines.get(key).map_or(0, VecDeque::len)
    }

    /// Takes the first who can be told out of the line.
    pub(super) fn next(&mut self, key: &str) -> Option<Head> {
        let line = self.lines.get_mut(key)?;
        let next = loop {
            match line.pop_front() {
                Some(head) if !self.ears.contains_key(head.token()) => {}
                next => break next,
            }
        };
        if line.is_empty() {
            self.lines.remove(key);
        }
        next
    }

    /// Tells the one to whom a lock was passed on, and the one who is the first now.
    pub(super) fn passed(&self, key: &str, head: &Head) {
        self.tell(head, News::Turn);
        let first = self.lines.get(key).and_then(VecDeque::front);
        if let Some(first) = first {
            self.tell(first, News::Next(head.claim()));
        }
    }

    fn tell(&self, head: &Head, news: News) {
        if let Some(inbox) = self.ears.get(head.token()) {
            inbox.tell(news);
        }
    }

    pub(super) fn changed(&mut self, key: &str) {
        for inbox in self.watchers.remove(key).into_iter().flatten() {
            inbox.tell(News::Changed);
        }
    }
}

pub(super) struct Ear {
    store: MemoryStore,
    key: Arc<str>,
    token: LockToken,
    inbox: Arc<Inbox>,
}

impl Ear {
    pub(super) fn new(store: &MemoryStore, key: &Arc<str>, token: &LockToken) -> Self {
        let inbox = Arc::new(Inbox::default());
        let ears = &mut store.entries().waiting.ears;
        ears.insert(token.clone(), inbox.clone());
        Self {
            store: store.clone(),
            key: key.clone(),
            token: token.clone(),
            inbox,
        }
    }
}

impl MemoryStore {
    fn watched(&self, key: &str, inbox: &Arc<Inbox>) {
        let watchers = &mut self.entries().waiting.watchers;
        let watchers = watchers.entry(key.to_owned()).or_default();
        if !watchers.iter().any(|other| Arc::ptr_eq(other, inbox)) {
            watchers.push(inbox.clone());
        }
    }
}

impl Listener for Ear {
    fn ready(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }

    fn address(&self) -> Option<Arc<str>> {
        Some(ADDRESS.into())
    }

    fn heard(&self) -> Pin<Box<dyn Future<Output = News> + Send + '_>> {
        Box::pin(self.inbox.heard())
    }

    fn watch(&self) -> StoreFuture<'_, Option<Stored>> {
        Box::pin(async {
            self.inbox.forget_change();
            self.store.watched(&self.key, &self.inbox);
            let found = self.store.inspect(&self.key).await?;
            Ok(found.map(|(stored, _)| stored))
        })
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let mut entries = self.store.entries();
        let waiting = &mut entries.waiting;
        waiting.ears.remove(&self.token);
        if let Some(watchers) = waiting.watchers.get_mut(&*self.key) {
            watchers.retain(|inbox| !Arc::ptr_eq(inbox, &self.inbox));
            if watchers.is_empty() {
                waiting.watchers.remove(&*self.key);
            }
        }
    }
}
