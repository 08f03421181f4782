//! Orders over gRPC, stored in `SQLite`: one at a time for each item, in however many processes.
//!
//! The program is `main.rs`; here is what it is made of, and the client's side for whoever drives it.

pub mod messages;
mod service;
mod store;

pub use service::Shop;
pub use store::{NotPlaced, Store};

/// The gRPC service of `build.rs`, and its client.
#[allow(missing_docs, clippy::pedantic)]
pub mod orders {
    include!(concat!(env!("OUT_DIR"), "/orders.Orders.rs"));
}

/// The example of the guide, which needs a database.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/locks-and-your-database.md")]
pub struct LocksAndYourDatabase;
