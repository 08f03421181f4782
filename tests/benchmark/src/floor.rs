//! What one writes by hand: one multiplexed connection, SET NX PX, and a script that compares and
//! deletes. For contended rows behind a local queue, first come, first served.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::Cmd;
use redis::aio::MultiplexedConnection;
use tokio::sync::Mutex as Queue;
use uuid::Uuid;

use crate::by_hand::{self, Native, RELEASE};
use crate::contender::{Call, Contender, TTL, section};

/// By key.
type Queues = HashMap<String, Arc<Queue<()>>>;

/// How it compares and deletes.
#[derive(Clone)]
enum Release {
    Script(String),
    Native(Native),
}

#[derive(Clone)]
pub(crate) struct Floor {
    connection: MultiplexedConnection,
    release: Release,
    queues: Option<Arc<Mutex<Queues>>>,
}

impl Floor {
    pub(crate) async fn connect(url: &str) -> Result<Self, redis::RedisError> {
        let mut connection = by_hand::connect(url).await?;
        Ok(Self {
            release: Release::Script(by_hand::load(&mut connection, RELEASE).await?),
            connection,
            queues: None,
        })
    }

    /// With what the server has of its own instead of the script.
    pub(crate) async fn native(mut self) -> Result<Self, redis::RedisError> {
        self.release = Release::Native(Native::of(&mut self.connection).await?);
        Ok(self)
    }

    fn release(&self, key: &str, token: &str) -> Cmd {
        match &self.release {
            Release::Script(script) => {
                let mut command = redis::cmd("EVALSHA");
                command.arg(script).arg("1").arg(key).arg(token);
                command
            }
            Release::Native(native) => native.delete(key, token),
        }
    }

    /// With a queue in front of each key.
    pub(crate) fn queued(mut self) -> Self {
        self.queues = Some(Arc::default());
        self
    }

    pub(crate) async fn lock(&self, key: &str) -> Result<String, redis::RedisError> {
        let token = Uuid::new_v4().to_string();
        let mut set = redis::cmd("SET");
        set.arg(key).arg(&token).arg("NX");
        set.arg("PX").arg(TTL.as_millis().to_string());
        let mut connection = self.connection.clone();
        let stored: Option<String> = set.query_async(&mut connection).await?;
        stored.map(|_| token).ok_or_else(|| {
            redis::RedisError::from((redis::ErrorKind::UnexpectedReturnType, "the key is taken"))
        })
    }

    pub(crate) async fn unlock(&self, key: &str, token: &str) -> Result<(), redis::RedisError> {
        let mut connection = self.connection.clone();
        let deleted: u32 = self
            .release(key, token)
            .query_async(&mut connection)
            .await?;
        if deleted == 1 {
            return Ok(());
        }
        let lost = (redis::ErrorKind::UnexpectedReturnType, "the lock was lost");
        Err(lost.into())
    }

    fn queue(&self, key: &str) -> Option<Arc<Queue<()>>> {
        let queues = self.queues.as_ref()?;
        let mut queues = queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(key) {
            return Some(queue.clone());
        }
        Some(queues.entry(key.to_owned()).or_default().clone())
    }

    async fn held(
        &self,
        key: &str,
        length: Duration,
    ) -> Result<crate::contender::Held, redis::RedisError> {
        let queue = self.queue(key);
        let _turn = match &queue {
            Some(queue) => Some(queue.lock().await),
            None => None,
        };
        let token = self.lock(key).await?;
        let held = section(length).await;
        self.unlock(key, &token).await?;
        Ok(held)
    }
}

impl Contender for Floor {
    fn name(&self) -> &'static str {
        if self.queues.is_some() {
            "by hand, with a local queue"
        } else {
            "by hand"
        }
    }

    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a> {
        Box::pin(async move {
            let held = self.held(key, length).await;
            held.map_err(|error| error.to_string())
        })
    }
}
