//! A key that held our token, as far as we know: what a guard and its renewal share.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::StoreError;
use crate::extensions::Extensions;
use crate::lease::Lease;
use crate::lock_key::LockKey;
use crate::observe::{Extension, Telling};
use crate::shared::Shared;
use crate::store::{LockSession, Stored};
use crate::token::{LockToken, Ownership};
#[cfg(feature = "testing")]
use crate::witness::Tenure;

pub(crate) struct Held {
    pub(crate) shared: Arc<Shared>,
    pub(crate) key: LockKey,
    pub(crate) token: LockToken,
    pub(crate) function: &'static str,
    pub(crate) telling: Telling,
    pub(crate) lease: Lease,
    /// Of a lock that is to stay for a while when it is given back.
    pub(crate) extensions: Option<Box<Extensions>>,
}

impl Held {
    /// Asks who stands at the key. Somebody else, or nobody: the lease is lost.
    pub(crate) async fn check(&self) -> Result<Ownership, StoreError> {
        let found = self.shared.inspect(&self.key).await?;
        let found = Stored::compared(found.as_ref(), &self.token);
        if found != Ownership::Mine {
            self.lease.refute(Some(found.clone()));
        }
        Ok(found)
    }

    /// Gives the lease its whole ttl again; refused, it is lost. An error moves nothing.
    pub(crate) async fn extend(&self, ttl: Duration) -> Result<(), StoreError> {
        self.extend_on(self.shared.session(), ttl).await
    }

    /// The same on a connection that carries nothing else, for when the usual one is silent.
    pub(crate) async fn extend_elsewhere(&self, ttl: Duration) -> Result<(), StoreError> {
        self.extend_on(self.shared.store.exclusive(), ttl).await
    }

    async fn extend_on(
        &self,
        session: impl Future<Output = Result<Arc<dyn LockSession>, StoreError>>,
        ttl: Duration,
    ) -> Result<(), StoreError> {
        let extended = self.shared.within_deadline(async {
            let session = session.await?;
            let sent = Instant::now();
            let extended = session.extend(&self.key, &self.token, ttl);
            let extended = match &self.extensions {
                None => extended.await?,
                Some(extensions) => extensions.poll(&session, extended).await?,
            };
            if extended {
                self.shared.acknowledged(&*session).await?;
            }
            Ok(extended.then_some(sent))
        });
        let extended = extended.await;
        let extension = match &extended {
            Ok(Some(_)) => Extension::Done,
            Ok(None) => Extension::Refused,
            Err(_) => Extension::Failed,
        };
        self.telling.extended(&self.key, extension);
        match extended? {
            Some(sent) => {
                let lines = &self.shared.lines;
                lines.extended(&self.key, &self.token, sent + ttl);
                self.lease.extended(sent, ttl);
            }
            None => self.lease.refute(None),
        }
        Ok(())
    }
}

#[cfg(feature = "testing")]
impl Tenure for Held {
    fn lasts(&self) -> bool {
        !self.lease.is_lost()
    }

    fn end(&self, found: Ownership) {
        self.lease.refute(Some(found));
    }
}
