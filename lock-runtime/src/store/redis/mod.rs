//! Locks on a Redis or Valkey server.

mod backoff;
mod channel;
mod comparison;
mod connection;
mod connections;
#[cfg(feature = "testing")]
mod connector;
mod dialect;
mod ear;
mod native;
mod scripts;
mod session;
#[cfg(feature = "tls")]
mod tls;
mod url;
mod watch;

pub(crate) use connection::{RedisStore, Target};
#[cfg(feature = "testing")]
pub(crate) use connector::Connector;
