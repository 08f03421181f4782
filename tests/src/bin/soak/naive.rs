//! The control: a lock as it is often written. `SET NX PX`, the work, `DEL`. Nobody looks at a deadline,
//! nobody compares owners.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::clock::{micros, now};
use crate::protocol::How;
use crate::section::lock_key;

const PATIENCE: Duration = Duration::from_millis(250);

pub(crate) struct Naive {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Naive {
    pub(crate) fn new(url: &str) -> RedisResult<Self> {
        Ok(Self {
            client: Client::open(url)?,
            connection: Mutex::default(),
        })
    }

    /// Takes the lock; gives the moment at which it was asked for.
    pub(crate) async fn take(&self, key: u64, ttl: Duration, wait: Duration) -> Result<u64, How> {
        let give_up = now() + micros(wait);
        loop {
            let sent = now();
            let mut command = redis::cmd("SET");
            command.arg(lock_key(key)).arg(sent).arg("NX").arg("PX");
            command.arg(micros(ttl) / 1_000);
            match self.send::<Option<String>>(&command).await {
                Ok(Some(_)) => return Ok(sent),
                Ok(None) if wait.is_zero() => return Err(How::Busy),
                Ok(None) if now() > give_up => return Err(How::WaitTimeout),
                Err(_) if now() > give_up => return Err(How::Unavailable),
                Ok(None) | Err(_) => sleep(Duration::from_millis(5 + sent % 40)).await,
            }
        }
    }

    /// Deletes whatever is there.
    pub(crate) async fn give_back(&self, key: u64) {
        // Without an answer the ttl has to do it.
        let _ = self.send::<u64>(redis::cmd("DEL").arg(lock_key(key))).await;
    }

    async fn send<T: redis::FromRedisValue>(&self, command: &redis::Cmd) -> RedisResult<T> {
        let mut connection = self.connected().await?;
        let answer = command.query_async(&mut connection).await;
        if answer.is_err() {
            *self.connection.lock().await = None;
        }
        answer
    }

    async fn connected(&self) -> RedisResult<MultiplexedConnection> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = &*kept {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let made = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        Ok(kept.insert(made.await?).clone())
    }
}
