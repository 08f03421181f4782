//! By hand as the floor, by somebody who wants to see who holds a lock and to be answered in time: the
//! token names its holder, the SET answers what is there, and both commands have a time limit.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, RedisError};
use tokio::time::timeout;
use uuid::Uuid;

use crate::by_hand::{self, RELEASE};
use crate::contender::{Call, Contender, Held, TTL, section};

const LIMIT: Duration = Duration::from_secs(2);

pub(crate) struct Careful {
    connection: MultiplexedConnection,
    release: String,
    holder: String,
}

impl Careful {
    pub(crate) async fn connect(url: &str) -> Result<Self, RedisError> {
        let mut connection = by_hand::connect(url).await?;
        Ok(Self {
            release: by_hand::load(&mut connection, RELEASE).await?,
            connection,
            holder: format!("some.host.name|{}|place_order", std::process::id()),
        })
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let mut connection = self.connection.clone();
        let answered = timeout(LIMIT, command.query_async(&mut connection)).await;
        answered.unwrap_or_else(|_| Err((redis::ErrorKind::Io, "no answer in time").into()))
    }

    async fn held(&self, key: &str, length: Duration) -> Result<Held, RedisError> {
        let token = format!("{}|{}", Uuid::new_v4().simple(), self.holder);
        let mut set = redis::cmd("SET");
        set.arg(key).arg(&token).arg("NX").arg("GET");
        set.arg("PX").arg(TTL.as_millis().to_string());
        if self.ask::<Option<String>>(&set).await?.is_some() {
            let busy = (redis::ErrorKind::UnexpectedReturnType, "the key is taken");
            return Err(busy.into());
        }
        let held = section(length).await;
        let mut release = redis::cmd("EVALSHA");
        release.arg(&self.release).arg("1").arg(key).arg(&token);
        if self.ask::<u32>(&release).await? == 1 {
            return Ok(held);
        }
        let lost = (redis::ErrorKind::UnexpectedReturnType, "the lock was lost");
        Err(lost.into())
    }
}

impl Contender for Careful {
    fn name(&self) -> &'static str {
        "by hand, with names and time limits"
    }

    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a> {
        Box::pin(async move {
            let held = self.held(key, length).await;
            held.map_err(|error| error.to_string())
        })
    }
}
