//! Locks on a Redis or Valkey server.

mod connection;
mod dialect;
mod scripts;
mod session;
#[cfg(feature = "tls")]
mod tls;

pub(crate) use connection::{RedisStore, Target};
