//! What the server tells connections unasked.

use std::collections::{BTreeMap, BTreeSet};

use super::resp::Reply;

/// Who listens to what.
#[derive(Default)]
pub(crate) struct News {
    listeners: BTreeMap<u64, Listener>,
    /// Not yet on its way.
    due: Vec<(u64, Reply)>,
}

#[derive(Default)]
struct Listener {
    addresses: BTreeSet<String>,
    /// Keys that it has looked at, once it asked to be told of their changes.
    seen: Option<BTreeSet<String>>,
}

impl News {
    pub(crate) fn subscribe(&mut self, connection: u64, address: &str) {
        let listener = self.listeners.entry(connection).or_default();
        listener.addresses.insert(address.to_owned());
    }

    pub(crate) fn track(&mut self, connection: u64) {
        let listener = self.listeners.entry(connection).or_default();
        listener.seen.get_or_insert_default();
    }

    pub(crate) fn close(&mut self, connection: u64) {
        self.listeners.remove(&connection);
    }

    pub(crate) fn listening(&self) -> impl Iterator<Item = u64> {
        self.listeners.keys().copied()
    }

    /// Gives the number of those who are told.
    pub(crate) fn publish(&mut self, address: &str, words: &str) -> usize {
        let told = self.listeners.iter();
        let told = told.filter(|(_, listener)| listener.addresses.contains(address));
        let told: Vec<u64> = told.map(|(connection, _)| *connection).collect();
        for connection in &told {
            let parts = ["message", address, words];
            let parts = parts.map(|part| Reply::Text(part.to_owned()));
            self.due.push((*connection, Reply::Push(parts.into())));
        }
        told.len()
    }

    /// The connection looked at a key, whose next change it is told of.
    pub(crate) fn seen(&mut self, connection: u64, key: &str) {
        let listener = self.listeners.get_mut(&connection);
        if let Some(seen) = listener.and_then(|listener| listener.seen.as_mut()) {
            seen.insert(key.to_owned());
        }
    }

    pub(crate) fn changed(&mut self, key: &str) {
        for (connection, listener) in &mut self.listeners {
            if listener.seen.as_mut().is_some_and(|seen| seen.remove(key)) {
                let keys = Reply::List(vec![Reply::Text(key.to_owned())]);
                self.due.push((*connection, invalidated(keys)));
            }
        }
    }

    /// All keys are gone.
    pub(crate) fn flushed(&mut self) {
        for (connection, listener) in &mut self.listeners {
            if let Some(seen) = &mut listener.seen {
                seen.clear();
                self.due.push((*connection, invalidated(Reply::Nil)));
            }
        }
    }

    pub(crate) fn due(&mut self) -> Vec<(u64, Reply)> {
        std::mem::take(&mut self.due)
    }
}

fn invalidated(keys: Reply) -> Reply {
    Reply::Push(vec![Reply::Text("invalidate".to_owned()), keys])
}
