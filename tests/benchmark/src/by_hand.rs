//! What everything that is written by hand begins with: a connection, and scripts that the server knows.

use redis::AsyncConnectionConfig;
use redis::RedisError;
use redis::aio::MultiplexedConnection;

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
