//! What the tests share: real servers and worker processes of their own, a network that fails.

mod chance;
mod crowd;
mod events;
mod example;
pub mod http;
mod keys;
mod link;
mod old_server;
mod process;
mod program;
mod proxy;
mod resp;
mod server;
mod until;
mod worker;

pub use chance::Chance;
pub use crowd::crowd;
pub use events::Events;
pub use example::{killed_after, without_any_server};
pub use old_server::old_server;
pub use process::Process;
pub use program::{Ended, Program};
pub use proxy::{Fault, Proxy};
pub use server::{Server, connection};
pub use until::until;
pub use worker::{Worker, clock};

/// The examples of the README and of the guides, compiled and run. That of `locks-and-your-database` is with the
/// database, in `tonic_orders`.
#[cfg(doctest)]
pub mod pages {
    #[doc = include_str!("../../README.md")]
    pub struct Readme;
    #[doc = include_str!("../../docs/choosing.md")]
    pub struct Choosing;
    #[doc = include_str!("../../docs/testing.md")]
    pub struct Testing;
}
