//! What the tests share: real servers of their own.

mod old_server;
mod server;

pub use old_server::old_server;
pub use server::Server;

/// The README's examples, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
