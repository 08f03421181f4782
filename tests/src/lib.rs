//! What the tests share: real servers of their own.

mod server;

pub use server::Server;
