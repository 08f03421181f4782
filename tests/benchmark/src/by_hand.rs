//! What everything that is written by hand begins with: a connection, and scripts that the server knows.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, RedisError};

use crate::contender::WAIT;

/// Compares and deletes.
pub(crate) const RELEASE: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

pub(crate) async fn connect(url: &str) -> Result<MultiplexedConnection, RedisError> {
    let client = redis::Client::open(url)?;
    // A busy machine is slow, not broken.
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(WAIT));
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    connecting.await
}

/// The hash by which the script is called.
pub(crate) async fn load(
    connection: &mut MultiplexedConnection,
    script: &str,
) -> Result<String, RedisError> {
    let mut load = redis::cmd("SCRIPT");
    load.arg("LOAD").arg(script).query_async(connection).await
}

/// A server's own compare-and-delete.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Native {
    /// Redis 8.4 or later.
    Delex,
    /// Valkey 9 or later.
    Delifeq,
}

impl Native {
    /// The one that the server has, if it has one.
    pub(crate) async fn of(connection: &mut MultiplexedConnection) -> Result<Self, RedisError> {
        let mut probe = redis::cmd("COMMAND");
        probe.arg("INFO").arg("DELIFEQ");
        let known: Vec<redis::Value> = probe.query_async(connection).await?;
        Ok(match known.first() {
            Some(redis::Value::Nil) | None => Self::Delex,
            Some(_) => Self::Delifeq,
        })
    }

    pub(crate) fn delete(self, key: &str, token: &str) -> Cmd {
        match self {
            Self::Delex => {
                let mut command = redis::cmd("DELEX");
                command.arg(key).arg("IFEQ").arg(token);
                command
            }
            Self::Delifeq => {
                let mut command = redis::cmd("DELIFEQ");
                command.arg(key).arg(token);
                command
            }
        }
    }
}
