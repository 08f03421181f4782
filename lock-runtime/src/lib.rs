//! Run an async function only while it holds a lock in Redis.
//!
//! A distributed lock fails in three well-known ways: it leaks (its holder dies and nothing
//! expires), it is released by the wrong client (whose lease ran out long ago), and after a timeout
//! nobody knows who holds it. Here a lock is taken with a unique token and an expiry in one atomic
//! step, released by compare-and-delete only, and after a command without an answer the server is
//! asked who holds the key before anything is decided.
//!
//! ```
//! use lock_runtime::{LockClient, LockError, distributed_lock};
//!
//! #[distributed_lock(key = "order:<user_id>", ttl = 10)]
//! async fn place_order(user_id: u64) -> Result<String, LockError> {
//!     Ok(format!("the only order of user {user_id} right now"))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), LockError> {
//! let client = LockClient::in_memory(); // or: LockClient::connect("redis://…").await?
//! client.install()?;
//! assert!(place_order(42).await?.contains("user 42"));
//! # Ok(())
//! # }
//! ```
//!
//! # Finding one's way
//!
//! - [`distributed_lock`]: the attribute, its arguments, what it writes.
//! - [`LockClient`]: connecting, [`install`](LockClient::install), [`scope`](LockClient::scope),
//!   [`shutdown`](LockClient::shutdown).
//! - [`LockRequest`], [`LockGuard`]: a lock without the attribute.
//! - [`LockError`]: what can go wrong, and what to do about it.
//! - [`FencingToken`], [`FencedRegister`]: a resource that refuses a holder that comes too late.
//! - [`LockStore`]: what a backend of your own must do.
//! - [`web`]: handlers of axum, actix and tonic.
//!
//! Guides, each of a page or two: [choosing ttl, wait and renew](guides::choosing),
//! [locks and your database](guides::locks_and_your_database), [testing code that locks](guides::testing),
//! [coming from Redisson, `ShedLock` or redlock](guides::coming_from) and, for the night,
//! [something is locked](guides::something_is_locked).
//!
//! # The lease
//!
//! A lock counts as held until its deadline: the moment its command was sent, plus the ttl, less a
//! hundredth of it and two milliseconds. The margin, for clocks that run at different speeds and
//! for a server's rounding, is that of the
//! [Redlock](https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/) description.
//! Time is tokio's monotonic clock, never a wall clock; on Linux it stands still while the machine is
//! suspended.
//!
//! A body is never polled past the deadline ([`OnLost::Cancel`]). One that ends late all the same,
//! because it did not come to an `.await` or because of [`OnLost::Finish`], counts only if the store
//! still shows its token.
//!
//! # What can go wrong
//!
//! A lease is not mutual exclusion over a resource that does not check:
//!
//! - A process can be stopped between its last check and its write for longer than its lease. Code
//!   without an `.await`, tasks that a body has spawned and requests it has sent outlive its
//!   cancellation.
//! - A replica that is promoted may not know the lock: two holders are possible.
//!   [`acks`](LockClientBuilder::acks) narrows that window and does not close it.
//! - A server that restarts without persistence has forgotten its locks; the holder is told at its next
//!   renewal or check, or at its release. One that evicts keys forgets them silently, of which a
//!   client warns when it connects (`maxmemory-policy`).
//! - A server whose clock jumps forward ends locks early, which no client can cure. The client's clock
//!   stands still while its machine is suspended: a holder that was suspended trusts its lease for too
//!   long, and its body may run on after the lease.
//! - A network that runs a command twice, long after its answer, can make a lost lock look like ours.
//! - A password that changes in mid-life is not picked up: make a new client.
//!
//! Where two writers must never meet, the resource itself has to refuse the late one, by a fencing
//! token: [`LockRequest::fenced`], `fence` in the attribute, [`FencedRegister`]. It must look at the
//! token on its first read as well as on the write: checked on the write only, updates are still
//! lost.
//!
//! Locks that are dropped right before the runtime ends stay until their ttl: call
//! [`LockClient::shutdown`] first. Of a hundred short processes without it, 52 to 89 left their key
//! behind when measured; with it, none does.
//!
//! # Traces
//!
//! Each call of an annotated function is a span of [`tracing`], `distributed_lock`, with the fields `lock.key`
//! (the template), `lock.name` (the function) and `lock.outcome`. What becomes of the lock is told by events of
//! the target `lock_runtime` at debug level, with the rendered key; what no caller is left to be told, by
//! warnings. Without a subscriber that is next to nothing. The folder `monitoring` of the repository lists them.
//!
//! # Features
//!
//! - `tls` (off by default): `rediss://` URLs, by rustls.
//! - `metrics` (off by default): what locks do, through the facade of the crate `metrics`, see
//!   `lock_runtime::metrics`.
//! - `testing` (off by default): `testing::LockDouble`, a client for the tests of your own code, whose
//!   store answers as told: busy, lost in the middle, slow, down.
//! - `axum`, `actix`, `tonic`, `tower` (off by default): [`web`], a failed lock as an answer of that
//!   framework, and a client for each request.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod acks;
mod acquire;
mod builder;
mod chance;
mod client;
mod contender;
mod deadline;
mod error;
mod extensions;
mod fence;
mod guard;
#[cfg(all(doc, not(doctest)))]
pub mod guides;
mod held;
mod inside;
mod installed;
mod key;
mod lease;
mod line;
mod lock_key;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub mod metrics;
mod names;
mod observe;
mod options;
mod per_runtime;
mod percent;
mod private;
mod register;
mod release;
mod renewal;
mod request;
mod run;
mod settings;
mod shared;
mod skip;
mod standing;
mod store;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod token;
mod wait;
mod waiter;
pub mod web;
#[cfg(feature = "testing")]
mod witness;

#[doc(hidden)]
pub mod __private {
    pub use crate::private::*;
}

/// What our own simulation and soak need to see and to set.
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod __simulation {
    pub use crate::chance::seed;
    pub use crate::inside::looks::looked;
}

pub use builder::LockClientBuilder;
pub use lock_macros::distributed_lock;

pub use client::{LockClient, Remaining};
pub use error::{LockError, StoreError, StoreErrorKind};
pub use fence::FencingToken;
pub use guard::LockGuard;
pub use key::encode;
pub use names::KeyNames;
pub use options::{AcquireForm, DEFAULT_LONGEST_HOLD, LockOptions, OnLost, ReleaseMode};
pub use register::{FencedRegister, StaleFencingToken};
pub use request::LockRequest;
pub use skip::{Skipped, skip};
pub use store::{
    Fenced, Head, Joined, Listener, LockSession, LockStore, MemoryStore, News, Passed, Position,
    Release, StoreFuture, Stored, Swap, Swapped,
};
pub use token::{Holder, LockToken, Owner, Ownership};
