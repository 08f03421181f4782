//! x

mod acquire;
mod builder;
mod client;
mod error;
mod guard;
mod held;
mod installed;
mod key;
mod lease;
mod options;
mod percent;
mod private;
mod release;
mod renewal;
mod request;
mod run;
mod shared;
mod store;
mod token;
mod wait;

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}

pub use builder::LockClientBuilder;
pub use lock_macros::distributed_lock;

pub use client::{LockClient, Remaining};
pub use error::{LockError, StoreError, StoreErrorKind};
pub use guard::LockGuard;
pub use key::encode;
pub use options::{AcquireForm, DEFAULT_LONGEST_HOLD, LockOptions, OnLost};
pub use request::LockRequest;
pub use store::{LockSession, LockStore, MemoryStore, Release, StoreFuture, Stored};
pub use token::{Holder, LockToken, Owner, Ownership};
