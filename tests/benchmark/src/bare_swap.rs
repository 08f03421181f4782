//! A local queue in which each takes the lock over from the one before it, by one script, and nothing
//! else: no leases, no checks, and a key that is never free again. Nobody can be quicker on one server.

use std::time::Duration;

use redis::RedisError;
use redis::aio::MultiplexedConnection;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::by_hand;
use crate::contender::{Call, Contender, Held, TTL, section};

const SWAP: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1";

const KEY: &str = "swapped";

pub(crate) struct BareSwap {
    connection: MultiplexedConnection,
    swap: String,
    /// The token at the key; who has it holds the lock.
    token: Mutex<String>,
}

impl BareSwap {
    pub(crate) async fn connect(url: &str) -> Result<Self, RedisError> {
        let mut connection = by_hand::connect(url).await?;
        let swap = by_hand::load(&mut connection, SWAP).await?;
        let token = Uuid::new_v4().to_string();
        let mut set = redis::cmd("SET");
        let set = set.arg(KEY).arg(&token);
        let () = set.query_async(&mut connection).await?;
        Ok(Self {
            connection,
            swap,
            token: Mutex::new(token),
        })
    }

    async fn held(&self, length: Duration) -> Result<Held, RedisError> {
        let mut token = self.token.lock().await;
        let own = Uuid::new_v4().to_string();
        let mut swap = redis::cmd("EVALSHA");
        swap.arg(&self.swap).arg("1").arg(KEY);
        swap.arg(&*token).arg(&own).arg(TTL.as_millis().to_string());
        let mut connection = self.connection.clone();
        let swapped: u32 = swap.query_async(&mut connection).await?;
        if swapped != 1 {
            let lost = (redis::ErrorKind::UnexpectedReturnType, "the lock was lost");
            return Err(lost.into());
        }
        *token = own;
        Ok(section(length).await)
    }
}

impl Contender for BareSwap {
    fn name(&self) -> &'static str {
        "a bare swap"
    }

    fn call<'a>(&'a self, _: &'a str, length: Duration) -> Call<'a> {
        Box::pin(async move {
            let held = self.held(length).await;
            held.map_err(|error| error.to_string())
        })
    }
}
