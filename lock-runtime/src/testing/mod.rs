//! A test double: a client whose store answers as a test tells it to.
//!
//! [`LockDouble`] keeps locks in memory and lets a test say what happens to them: the lock is busy,
//! it is lost in the middle, a reply gets lost, the server is slow or down. Time is tokio's; with
//! its clock paused a test of an hour takes a moment, and every moment in it is exact.
//!
//! ```toml
//! [dev-dependencies]
//! lock-runtime = { version = "…", features = ["testing"] }
//! tokio = { version = "1", features = ["macros", "rt", "test-util"] }
//! ```
//!
//! A handler, and what its callers get when the lock is lost under it:
//!
//! ```
//! use std::time::Duration;
//!
//! use lock_runtime::testing::LockDouble;
//! use lock_runtime::{LockError, distributed_lock};
//!
//! #[derive(Debug, PartialEq)]
//! enum OrderError {
//!     TryLater,
//!     LookInto,
//! }
//!
//! impl From<LockError> for OrderError {
//!     fn from(error: LockError) -> Self {
//!         match error {
//!             LockError::Lost { .. } => Self::LookInto,
//!             _ => Self::TryLater,
//!         }
//!     }
//! }
//!
//! #[distributed_lock(key = "order:<user_id>", ttl = 10)]
//! async fn place_order(user_id: u64) -> Result<&'static str, OrderError> {
//!     tokio::time::sleep(Duration::from_secs(5)).await; // the payment
//!     Ok("placed")
//! }
//!
//! // In a test: #[tokio::test(start_paused = true)]
//! #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() {
//!     let double = LockDouble::new();
//!     double.lose_after("order:42", Duration::from_secs(3));
//!     let placed = double.client().scope(place_order(42)).await;
//!     assert_eq!(placed, Err(OrderError::LookInto));
//!
//!     double.busy("order:42", "web-2");
//!     let placed = double.client().scope(place_order(42)).await;
//!     assert_eq!(placed, Err(OrderError::TryLater));
//!
//!     double.free("order:42");
//!     let placed = double.client().scope(place_order(42)).await;
//!     assert_eq!(placed, Ok("placed"));
//!
//!     assert_eq!(double.acquired("order:42"), 2);
//!     assert!(double.left().is_empty());
//! }
//! ```
//!
//! The same moment step by step, for a test that has something to do in between:
//!
//! ```
//! # use std::time::Duration;
//! # use lock_runtime::testing::LockDouble;
//! # use lock_runtime::{LockError, distributed_lock};
//! # #[distributed_lock(key = "order:<user_id>", ttl = 10)]
//! # async fn place_order(user_id: u64) -> Result<(), LockError> {
//! #     tokio::time::sleep(Duration::from_secs(5)).await;
//! #     Ok(())
//! # }
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let double = LockDouble::new();
//! let call = tokio::spawn(double.client().scope(place_order(42)));
//! double.until_held("order:42").await;
//! double.lose("order:42");
//! assert!(matches!(call.await.unwrap(), Err(LockError::Lost { .. })));
//! # }
//! ```
//!
//! # What goes wrong on the way
//!
//! [`LockDouble::next`] and [`LockDouble::every`] give single commands a [`Fault`];
//! [`LockDouble::down`], [`LockDouble::stall`] and [`LockDouble::slow`] concern all of them. The
//! client then does what it does with a real server: it waits, checks, asks again.
//!
//! ```
//! # use std::time::Duration;
//! # use lock_runtime::LockError;
//! # use lock_runtime::testing::{Command, Fault, LockDouble};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), LockError> {
//! let double = LockDouble::new();
//!
//! // A granted lock whose reply got lost is held all the same: the client has checked.
//! double.next(Command::Acquire, Fault::NoReply);
//! let guard = double.client().lock("order:42").acquire().await?;
//! assert_eq!(double.count(Command::Inspect), 1);
//! guard.release().await?;
//!
//! double.down();
//! let error = double.client().lock("order:42").acquire().await.unwrap_err();
//! assert!(matches!(error, LockError::Backend { .. }));
//!
//! double.up();
//! double.client().lock("order:42").acquire().await?.release().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # The clock
//!
//! Under `#[tokio::test(start_paused = true)]` nothing takes real time, neither waiting for a busy
//! lock nor the command deadline of a silent server. Tokio moves a paused clock whenever every task
//! waits, so a body that waits for something other than tokio's timers (a thread, a real socket,
//! `spawn_blocking`) may find its lease over at once: give the dependencies of a body doubles, too,
//! or leave the clock running. On a multi-thread runtime, whose clock tokio cannot pause, the double
//! works in real time; [`LockDouble::lose`] there reaches a body before its next poll, never in
//! the middle of one.

mod commands;
mod double;
mod fault;
mod holds;
mod network;
mod session;
mod wire;

pub use double::LockDouble;
pub use fault::{Command, Commands, Fault, Seen};
