//! Locks on a Redis or Valkey server.

mod backoff;
mod connection;
mod connections;
mod dialect;
mod scripts;
mod session;
#[cfg(feature = "tls")]
mod tls;

pub(crate) use connection::{RedisStore, Target};
