//! What all stories share: the server, and keys of their own on it.

use std::time::Duration;

use lock_runtime::LockClient;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

use crate::Result;

/// The users whose orders are placed, one a story.
pub(crate) const USERS: [u64; 3] = [41, 42, 43];

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) url: String,
    /// Holds the process id: two runs on one server do not meet.
    pub(crate) prefix: String,
}

impl World {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            prefix: format!("example:two_hours:{}:", std::process::id()),
        }
    }

    /// The lock key as it stands on the server, for the naive commands and the attribute alike.
    pub(crate) fn key(&self, user_id: u64) -> String {
        format!("{}order:{user_id}", self.prefix)
    }

    /// A connection for naive commands and for those who look on.
    pub(crate) async fn connection(&self) -> Result<MultiplexedConnection> {
        connect(&self.url, Duration::from_secs(5)).await
    }

    /// A lock client, as every instance of a service has one.
    pub(crate) async fn client(&self) -> Result<LockClient> {
        let builder = LockClient::builder().prefix(&self.prefix);
        Ok(builder.connect(&self.url).await?)
    }

    /// Deletes every key that the stories use; gives how many there were.
    pub(crate) async fn clear(&self) -> Result<usize> {
        let mut connection = self.connection().await?;
        let keys = USERS.map(|user_id| self.key(user_id));
        Ok(redis::cmd("DEL")
            .arg(&keys)
            .query_async(&mut connection)
            .await?)
    }
}

/// A connection on which every command is given `patience`.
pub(crate) async fn connect(url: &str, patience: Duration) -> Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(patience));
    let client = redis::Client::open(url)?;
    Ok(client
        .get_multiplexed_async_connection_with_config(&config)
        .await?)
}
