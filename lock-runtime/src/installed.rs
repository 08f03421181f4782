//! The client that a call finds without naming one.

use std::sync::OnceLock;

use crate::client::LockClient;
use crate::error::LockError;

static INSTALLED: OnceLock<LockClient> = OnceLock::new();

tokio::task_local! {
    static SCOPED: LockClient;
}

pub(crate) fn install(client: LockClient) -> Result<(), LockError> {
    INSTALLED.set(client).map_err(|_| {
        LockError::options(
            "a client is installed already: install one at start, use `scope` or `client = ..` for others",
        )
    })
}

pub(crate) async fn scope<F: Future>(client: LockClient, future: F) -> F::Output {
    SCOPED.scope(client, future).await
}

/// The scoped client, else the installed one.
pub(crate) fn find(function: &'static str) -> Result<LockClient, LockError> {
    SCOPED
        .try_with(Clone::clone)
        .ok()
        .or_else(|| INSTALLED.get().cloned())
        .ok_or(LockError::NotInstalled { function })
}
