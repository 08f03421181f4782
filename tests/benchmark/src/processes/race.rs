//! What rueidis' lock does, in a few lines: a waiter looks at the key on a tracking connection, and
//! whoever is told first of its end and asks first has it. In a process one waiter does so at a time.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{PushKind, RedisError};
use tokio::sync::Mutex;
use tokio::time::timeout;
use uuid::Uuid;

use super::news::News;
use crate::by_hand;
use crate::contender::{Call, Contender, Held, TTL, section};

const RELEASE: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/// A push that never comes is made up for by looking again.
const LONGEST: Duration = Duration::from_millis(500);

pub(super) struct Race {
    connection: MultiplexedConnection,
    release: String,
    head: Mutex<News>,
}

impl Race {
    pub(super) async fn connect(url: &str) -> Result<Self, RedisError> {
        let (mut connection, news) = News::connect(url, PushKind::Invalidate).await?;
        let mut track = redis::cmd("CLIENT");
        track.arg("TRACKING").arg("ON");
        track.exec_async(&mut connection).await?;
        let release = by_hand::load(&mut connection, RELEASE).await?;
        let head = Mutex::new(news);
        Ok(Self {
            connection,
            release,
            head,
        })
    }

    async fn take(&self, news: &mut News, key: &str, token: &str) -> Result<(), RedisError> {
        let mut connection = self.connection.clone();
        let mut set = redis::cmd("SET");
        set.arg(key).arg(token).arg("NX");
        set.arg("PX").arg(TTL.as_millis().to_string());
        let mut get = redis::cmd("GET");
        get.arg(key);
        loop {
            let stored: Option<String> = set.query_async(&mut connection).await?;
            if stored.is_some() {
                return Ok(());
            }
            news.forget();
            // Asks to be told of the key's end as well.
            let holder: Option<String> = get.query_async(&mut connection).await?;
            if holder.is_some() {
                let _ = timeout(LONGEST, news.come(|_| true)).await;
            }
        }
    }

    async fn held(&self, key: &str, length: Duration) -> Result<Held, RedisError> {
        let token = Uuid::new_v4().to_string();
        let mut news = self.head.lock().await;
        self.take(&mut news, key, &token).await?;
        drop(news);
        let held = section(length).await;
        let mut release = redis::cmd("EVALSHA");
        release.arg(&self.release).arg("1").arg(key).arg(&token);
        release.exec_async(&mut self.connection.clone()).await?;
        Ok(held)
    }
}

impl Contender for Race {
    fn name(&self) -> &'static str {
        "race after a push"
    }

    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a> {
        Box::pin(async move {
            let held = self.held(key, length).await;
            held.map_err(|error| error.to_string())
        })
    }
}
