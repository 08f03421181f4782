//! The store of the double's client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::network::Network;
use super::session::Session;
use crate::error::{StoreError, StoreErrorKind};
use crate::store::{LockSession, LockStore, StoreFuture};

/// Makes connections over the network. Clones share them.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) network: Arc<Network>,
    current: Arc<Mutex<Current>>,
}

#[derive(Default)]
struct Current {
    session: Option<Arc<Session>>,
    made: usize,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self {
            network: Arc::new(Network::new()),
            current: Arc::default(),
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connections(&self) -> usize {
        self.current().made
    }
}

impl LockStore for Wire {
    fn session(&self) -> StoreFuture<'_, Arc<dyn LockSession>> {
        Box::pin(async {
            let Some(life) = self.network.life() else {
                let message = "connection refused, check that the server is up";
                return Err(StoreError::new(StoreErrorKind::Unreachable, message));
            };
            let mut current = self.current();
            let open = current.session.clone().filter(|session| session.is_open());
            let session = open.unwrap_or_else(|| {
                current.made += 1;
                Arc::new(Session::new(self.network.clone(), life))
            });
            current.session = Some(session.clone());
            Ok(session as Arc<dyn LockSession>)
        })
    }

    fn address(&self) -> String {
        "a test double".to_owned()
    }
}
