//! How many replicas have to know of a lock before it counts.

use std::time::Duration;

use crate::error::{StoreError, StoreErrorKind};
use crate::store::LockSession;

/// Set by [`LockClientBuilder::acks`](crate::LockClientBuilder::acks).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acks {
    pub(crate) replicas: u32,
    pub(crate) limit: Duration,
}

impl Acks {
    /// Waits for the acknowledgement of what was written on `session`: only a connection that has
    /// written waits for anything.
    pub(crate) async fn await_on(self, session: &dyn LockSession) -> Result<(), StoreError> {
        let Self { replicas, limit } = self;
        let acknowledged = session.replicated(replicas, limit).await;
        let acknowledged = acknowledged.map_err(StoreError::unreplicated)?;
        if acknowledged >= replicas {
            return Ok(());
        }
        Err(StoreError::new(
            StoreErrorKind::Unreplicated,
            format!(
                "{acknowledged} of {replicas} replicas acknowledged it within {limit:?}; see that they \
                 are up and keep pace (INFO replication), or make the client with fewer `acks`"
            ),
        ))
    }
}
