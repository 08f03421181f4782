//! The store of the double's client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::network::Network;
use super::session::Session;
use crate::error::{StoreError, StoreErrorKind};
use crate::store::{Listener, LockSession, LockStore, StoreFuture};
use crate::token::LockToken;

/// Makes connections over the network. Clones share them.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) network: Arc<Network>,
    connections: Arc<Mutex<Connections>>,
}

#[derive(Default)]
struct Connections {
    current: Option<Arc<Session>>,
    /// Each lent to one command at a time, which has its `Arc`.
    exclusive: Vec<Arc<Session>>,
    made: usize,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self {
            network: Arc::new(Network::new()),
            connections: Arc::default(),
        }
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        let connections = self.connections.lock();
        connections.unwrap_or_else(PoisonError::into_inner)
    }

    /// How many were made.
    pub(super) fn made(&self) -> usize {
        self.connections().made
    }

    fn connect(&self, connections: &mut Connections) -> Result<Arc<Session>, StoreError> {
        let Some(life) = self.network.life() else {
            let message = "connection refused, check that the server is up";
            return Err(StoreError::new(StoreErrorKind::Unreachable, message));
        };
        connections.made += 1;
        Ok(Arc::new(Session::new(self.network.clone(), life)))
    }
}

impl LockStore for Wire {
    fn session(&self) -> StoreFuture<'_, Arc<dyn LockSession>> {
        Box::pin(async {
            let mut connections = self.connections();
            connections.current.take_if(|session| !session.is_open());
            let session = match connections.current.clone() {
                Some(session) => session,
                None => self.connect(&mut connections)?,
            };
            connections.current = Some(session.clone());
            Ok(session as Arc<dyn LockSession>)
        })
    }

    fn exclusive(&self) -> StoreFuture<'_, Arc<dyn LockSession>> {
        Box::pin(async {
            let mut connections = self.connections();
            let exclusive = &mut connections.exclusive;
            exclusive.retain(|session| session.is_open());
            let mut idle = exclusive.iter();
            let idle = idle.find(|session| Arc::strong_count(session) == 1 && session.is_idle());
            let session = if let Some(session) = idle.cloned() {
                session
            } else {
                let session = self.connect(&mut connections)?;
                connections.exclusive.push(session.clone());
                session
            };
            Ok(session as Arc<dyn LockSession>)
        })
    }

    fn listen(&self, key: &Arc<str>, token: &LockToken) -> Option<Box<dyn Listener>> {
        self.network.memory.listen(key, token)
    }

    fn address(&self) -> String {
        "a test double".to_owned()
    }
}
