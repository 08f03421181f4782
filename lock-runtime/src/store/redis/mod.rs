//! Locks on a Redis or Valkey server.

mod connection;
mod dialect;
mod scripts;
mod session;

pub(crate) use connection::{RedisStore, Target};
