//! By hand as the floor, by somebody who asks the server for what ours asks: the token names its holder,
//! the SET answers what is there, the release looks whether somebody stands in line, and all of it has a
//! time limit. What ours takes beyond this is its own work; what this takes beyond the floor is not.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError};
use tokio::time::timeout;
use uuid::Uuid;

use crate::by_hand::{self, Native};
use crate::contender::{Call, Contender, Held, TTL, section};

const LIMIT: Duration = Duration::from_secs(2);

/// Compares, looks at the line, and deletes.
const RELEASE: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end \
     if redis.call('ZCARD', KEYS[2]) ~= 0 then return -1 end \
     return redis.call('DEL', KEYS[1])";

enum Release {
    Script(String),
    Native(Native),
}

pub(crate) struct Careful {
    connection: MultiplexedConnection,
    release: Release,
    holder: String,
}

impl Careful {
    pub(crate) async fn connect(url: &str) -> Result<Self, RedisError> {
        let mut connection = by_hand::connect(url).await?;
        Ok(Self {
            release: Release::Script(by_hand::load(&mut connection, RELEASE).await?),
            connection,
            holder: format!(
                "some.host.name|{}|place_order|1700000000000|10000|0",
                std::process::id()
            ),
        })
    }

    /// With what the server has of its own instead of the script.
    pub(crate) async fn native(mut self) -> Result<Self, RedisError> {
        self.release = Release::Native(Native::of(&mut self.connection).await?);
        Ok(self)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let mut connection = self.connection.clone();
        in_time(command.query_async(&mut connection)).await
    }

    async fn ask_both(&self, commands: &Pipeline) -> Result<[i64; 2], RedisError> {
        let mut connection = self.connection.clone();
        in_time(commands.query_async(&mut connection)).await
    }

    pub(crate) async fn held(&self, key: &str, length: Duration) -> Result<Held, RedisError> {
        let token = format!("{}|{}", Uuid::new_v4().simple(), self.holder);
        let line = format!("lock:line:{{{key}}}");
        let mut set = redis::cmd("SET");
        set.arg(key).arg(&token).arg("NX").arg("GET");
        set.arg("PX").arg(TTL.as_millis().to_string());
        if self.ask::<Option<String>>(&set).await?.is_some() {
            let busy = (redis::ErrorKind::UnexpectedReturnType, "the key is taken");
            return Err(busy.into());
        }
        let held = section(length).await;
        let deleted = match &self.release {
            Release::Script(script) => {
                let mut release = redis::cmd("EVALSHA");
                release.arg(script).arg("2").arg(key).arg(&line).arg(&token);
                self.ask::<i64>(&release).await?
            }
            Release::Native(native) => {
                let mut both = redis::pipe();
                both.add_command(native.delete(key, &token));
                both.cmd("ZCARD").arg(&line);
                self.ask_both(&both).await?[0]
            }
        };
        if deleted == 1 {
            return Ok(held);
        }
        let lost = (redis::ErrorKind::UnexpectedReturnType, "the lock was lost");
        Err(lost.into())
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
    let answered = timeout(LIMIT, asked).await;
    answered.unwrap_or_else(|_| Err((redis::ErrorKind::Io, "no answer in time").into()))
}

impl Contender for Careful {
    fn name(&self) -> &'static str {
        "by hand, with our commands"
    }

    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a> {
        Box::pin(async move {
            let held = self.held(key, length).await;
            held.map_err(|error| error.to_string())
        })
    }
}
