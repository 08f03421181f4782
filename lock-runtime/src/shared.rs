//! What the clones of a client, its guards and its calls share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::error::{StoreError, StoreErrorKind};
use crate::line::Lines;
use crate::release::Releases;
use crate::settings::Settings;
use crate::store::{LockSession, LockStore, Stored};

pub(crate) struct Shared {
    pub(crate) store: Arc<dyn LockStore>,
    pub(crate) settings: Settings,
    pub(crate) lines: Arc<Lines>,
    pub(crate) releases: Arc<Releases>,
    #[cfg(feature = "testing")]
    pub(crate) witness: std::sync::OnceLock<crate::witness::Witness>,
}

impl Shared {
    pub(crate) fn new(store: Arc<dyn LockStore>, settings: Settings) -> Self {
        let lines = Lines::new(
            &settings.prefix,
            settings.max_waiters,
            settings.max_waiters_per_key,
        );
        let releases = Releases::new(store.clone(), lines.clone());
        Self {
            store,
            settings,
            lines,
            releases,
            #[cfg(feature = "testing")]
            witness: std::sync::OnceLock::new(),
        }
    }

    /// The session for a command that takes or extends a lock: with `acks` one that carries nothing
    /// else, for `WAIT` holds up what comes behind it.
    pub(crate) async fn session(&self) -> Result<Arc<dyn LockSession>, StoreError> {
        match self.settings.acks {
            None => self.store.session().await,
            Some(_) => self.store.exclusive().await,
        }
    }

    /// Waits for the replicas that a lock needs, if any: for what was just written on `session`.
    pub(crate) async fn acknowledged(&self, session: &dyn LockSession) -> Result<(), StoreError> {
        match self.settings.acks {
            None => Ok(()),
            Some(acks) => acks.await_on(session).await,
        }
    }

    /// The key of the line of `key`, if it has one.
    pub(crate) fn line_of(&self, key: &str) -> Option<String> {
        self.lines.key_of(key)
    }

    /// What is at `key`, and how long it will stay.
    pub(crate) async fn inspect(
        &self,
        key: &str,
    ) -> Result<Option<(Stored, Option<Duration>)>, StoreError> {
        self.within_deadline(async {
            match self.store.session().await?.inspect(key).await {
                // One that ended while nobody used it: looking again on the next costs nothing.
                Err(error) if error.kind() == StoreErrorKind::Disconnected => {
                    self.store.session().await?.inspect(key).await
                }
                found => found,
            }
        })
        .await
    }

    /// Cuts `command` off at the command deadline, whatever it waits for.
    pub(crate) async fn within_deadline<T>(
        &self,
        command: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let limit = self.settings.command_deadline;
        let answer = timeout(limit, command).await;
        answer.unwrap_or_else(|_| Err(StoreError::silent(limit)))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.releases.close();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockClient")
            .field("store", &self.store)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
