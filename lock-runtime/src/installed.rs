//! The client that a call finds without naming one.

use std::sync::OnceLock;

use tokio::task::futures::TaskLocalFuture;

use crate::client::LockClient;
use crate::error::LockError;

static INSTALLED: OnceLock<LockClient> = OnceLock::new();

tokio::task_local! {
    static SCOPED: LockClient;
}

impl LockClient {
    /// Makes this client the one that calls use if none is in scope. Once a process.
    ///
    /// ```
    /// use lock_runtime::{LockClient, LockError, distributed_lock};
    ///
    /// #[distributed_lock(key = "report", ttl = 10)]
    /// async fn report() -> Result<(), LockError> {
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), LockError> {
    /// assert!(matches!(report().await, Err(LockError::NotInstalled { .. })));
    /// LockClient::in_memory().install()?;
    /// report().await?;
    /// assert!(LockClient::in_memory().install().is_err()); // the first stays
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`LockError::InvalidOptions`] if one is installed already, which then stays.
    pub fn install(&self) -> Result<(), LockError> {
        INSTALLED.set(self.clone()).map_err(|_| {
            LockError::options(
                "a client is installed already: install one at start, use `scope` or `client = ..` for others",
            )
        })
    }

    /// Runs `future` with this client as the one that calls inside it use, and gives its output.
    /// Tasks spawned inside are outside the scope.
    ///
    /// ```
    /// use lock_runtime::{LockClient, LockError, distributed_lock};
    ///
    /// #[distributed_lock(key = "report", ttl = 10)]
    /// async fn report() -> Result<(), LockError> {
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), LockError> {
    /// let client = LockClient::in_memory();
    /// client.scope(report()).await?;
    /// let task = client.scope(async { tokio::spawn(report()).await.expect("no panic") });
    /// assert!(matches!(task.await, Err(LockError::NotInstalled { .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Cancellation safety: that of `future`.
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        scoped(self.clone(), future)
    }
}

/// A future in whose calls a client is found.
pub(crate) type Scoped<F> = TaskLocalFuture<LockClient, F>;

pub(crate) fn scoped<F: Future>(client: LockClient, future: F) -> Scoped<F> {
    SCOPED.scope(client, future)
}

/// The scoped client, else the installed one.
pub(crate) fn find(function: &'static str) -> Result<LockClient, LockError> {
    SCOPED
        .try_with(Clone::clone)
        .ok()
        .or_else(|| INSTALLED.get().cloned())
        .ok_or(LockError::NotInstalled { function })
}
