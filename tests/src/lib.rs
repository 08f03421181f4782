//! What the tests share: real servers of their own.

mod old_server;
mod server;

pub use old_server::old_server;
pub use server::Server;
