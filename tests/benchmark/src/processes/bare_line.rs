//! A line on the server and nothing else: one waiter a process, who leaves, passes the lock on and
//! joins again by one script. Bare, without leases and checks: who stops in it stops everybody. Or
//! checked: its script asks the server for what ours does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, RedisError, Value};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::news::News;
use crate::by_hand;
use crate::contender::{Call, Contender, Held, section};

/// 1: ours. 0: in line.
const JOIN: &str = "if redis.call('SET', KEYS[1], ARGV[1], 'NX') then return 1 end
redis.call('RPUSH', KEYS[2], ARGV[1])
return 0";

/// 1: ours again, as nobody else stood in line.
const PASS: &str = "if ARGV[2] == '1' then redis.call('RPUSH', KEYS[2], ARGV[1]) end
local next = redis.call('LPOP', KEYS[2])
if not next then redis.call('DEL', KEYS[1]) return 0 end
if next == ARGV[1] then return 1 end
redis.call('SET', KEYS[1], next)
redis.call('PUBLISH', next, '')
return 0";

/// The same where who passes on has to be the holder, the lock ends by itself, joining twice changes
/// nothing, and the one behind the next holder is told whose end to look after.
const CHECKED_JOIN: &str =
    "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', 10000) then return 1 end
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
redis.call('ZADD', KEYS[2], 'NX', (tonumber(last[2]) or 0) + 1, ARGV[1])
return 0";

const CHECKED_PASS: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then
return redis.error_reply('ERR the lock was lost') end
local two = redis.call('ZRANGE', KEYS[2], 0, 1)
if two[1] then redis.call('ZREM', KEYS[2], two[1]) end
if ARGV[2] == '1' then
local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
redis.call('ZADD', KEYS[2], 'NX', (tonumber(last[2]) or 0) + 1, ARGV[1])
end
if not two[1] then
if ARGV[2] ~= '1' then redis.call('DEL', KEYS[1]) return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
end
redis.call('SET', KEYS[1], two[1], 'PX', 10000)
if two[2] then redis.call('PUBLISH', two[2] .. ':next', '') end
redis.call('PUBLISH', two[1], '')
return 0";

pub(super) struct BareLine {
    /// Its name in line, and the channel on which it is told.
    name: String,
    connection: MultiplexedConnection,
    join: String,
    pass: String,
    waiting: AtomicUsize,
    /// The first of the local waiters has it, and holds it as long as the lock.
    head: Mutex<Head>,
}

/// How the first local waiter stands.
struct Head {
    news: News,
    place: Place,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Outside,
    InLine,
    Ours,
}

impl BareLine {
    pub(super) async fn bare(url: &str) -> Result<Self, RedisError> {
        Self::connect(url, [JOIN, PASS]).await
    }

    pub(super) async fn checked(url: &str) -> Result<Self, RedisError> {
        Self::connect(url, [CHECKED_JOIN, CHECKED_PASS]).await
    }

    async fn connect(url: &str, [join, pass]: [&str; 2]) -> Result<Self, RedisError> {
        let (mut connection, news) = News::connect(url, PushKind::Message).await?;
        let name = Uuid::new_v4().to_string();
        connection.subscribe(&name).await?;
        connection.subscribe(format!("{name}:next")).await?;
        let join = by_hand::load(&mut connection, join).await?;
        let pass = by_hand::load(&mut connection, pass).await?;
        let place = Place::Outside;
        Ok(Self {
            name,
            connection,
            join,
            pass,
            waiting: AtomicUsize::new(0),
            head: Mutex::new(Head { news, place }),
        })
    }

    async fn ask(&self, script: &str, key: &str, more: &str) -> Result<bool, RedisError> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script).arg("2").arg(key);
        command.arg(format!("{key}:line")).arg(&self.name).arg(more);
        command.query_async(&mut self.connection.clone()).await
    }

    async fn held(&self, key: &str, length: Duration) -> Result<Held, RedisError> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut first = self.head.lock().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if first.place == Place::Outside && self.ask(&self.join, key, "").await? {
            first.place = Place::Ours;
        }
        if first.place != Place::Ours {
            let turn = |push: &PushInfo| is_from(push, &self.name);
            first.news.come(turn).await;
        }
        let held = section(length).await;
        let again = self.waiting.load(Ordering::SeqCst) > 0;
        let more = if again { "1" } else { "0" };
        first.place = match (self.ask(&self.pass, key, more).await?, again) {
            (true, _) => Place::Ours,
            (false, true) => Place::InLine,
            (false, false) => Place::Outside,
        };
        Ok(held)
    }
}

/// Whether a message came on this channel.
fn is_from(push: &PushInfo, channel: &str) -> bool {
    matches!(push.data.first(), Some(Value::BulkString(from)) if from == channel.as_bytes())
}

impl Contender for BareLine {
    fn name(&self) -> &'static str {
        "bare line"
    }

    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a> {
        Box::pin(async move {
            let held = self.held(key, length).await;
            held.map_err(|error| error.to_string())
        })
    }
}
