//! Functions the attribute accepts, with the strictest lints at the call site. Compiled in
//! editions 2021 and 2024.

#![deny(warnings, clippy::pedantic, clippy::nursery)]

mod attributes;
mod control;
mod generics;
mod lints;
mod names;
mod options;
mod patterns;
mod receivers;
mod size;
mod traits;

use std::fmt;

use lock_runtime::{LockClient, LockError};

/// An error of the user's own.
#[derive(Debug)]
pub(crate) enum OrderError {
    /// The lock was not to be had.
    Lock(LockError),
    /// The cart was empty.
    Empty,
}

impl From<LockError> for OrderError {
    fn from(error: LockError) -> Self {
        Self::Lock(error)
    }
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock(error) => error.fmt(f),
            Self::Empty => f.write_str("the cart is empty"),
        }
    }
}

/// Runs `future` with a fresh client.
pub(crate) async fn with_locks<F: std::future::Future>(future: F) -> F::Output {
    LockClient::in_memory().scope(future).await
}
