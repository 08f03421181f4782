//! What the clones of a client, its guards and its calls share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::error::StoreError;
use crate::options::AcquireForm;
use crate::release::Releases;
use crate::store::{LockStore, Stored};
use crate::wait::Lines;

pub(crate) struct Shared {
    pub(crate) store: Arc<dyn LockStore>,
    pub(crate) prefix: String,
    pub(crate) command_deadline: Duration,
    pub(crate) form: AcquireForm,
    pub(crate) lines: Arc<Lines>,
    pub(crate) releases: Arc<Releases>,
    pub(crate) closing: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn new(
        store: Arc<dyn LockStore>,
        prefix: String,
        command_deadline: Duration,
        form: AcquireForm,
    ) -> Self {
        let lines = Arc::new(Lines::default());
        let releases = Releases::new(store.clone(), lines.clone());
        Self {
            store,
            prefix,
            command_deadline,
            form,
            lines,
            releases,
            closing: watch::Sender::new(false),
        }
    }

    /// What is at `key`, and how long it will stay.
    pub(crate) async fn inspect(
        &self,
        key: &str,
    ) -> Result<Option<(Stored, Option<Duration>)>, StoreError> {
        self.within_deadline(async { self.store.session().await?.inspect(key).await })
            .await
    }

    /// Cuts `command` off at the command deadline, whatever it waits for.
    pub(crate) async fn within_deadline<T>(
        &self,
        command: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let answer = timeout(self.command_deadline, command).await;
        answer.unwrap_or_else(|_| Err(StoreError::silent(self.command_deadline)))
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
            .field("prefix", &self.prefix)
            .field("command_deadline", &self.command_deadline)
            .finish_non_exhaustive()
    }
}
