//! The lock's commands on one connection to a server.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use redis::aio::MultiplexedConnection;
use redis::{Value, cmd};

use super::channel::Channel;
use super::dialect::{Failure, fenced, integer, joined, no_fence, passed, stored, swapped, told};
use super::native::Native;
use super::scripts::{self, Script, command};
use crate::error::StoreError;
use crate::observe::{Fallback, fell_back};
use crate::options::AcquireForm;
use crate::store::{Fenced, Head, Joined, LockSession, Passed, StoreFuture, Stored, Swapped};
use crate::token::LockToken;

/// A channel, and what its server can do.
pub(super) struct RedisSession {
    pub(super) channel: Channel,
    /// `SET … NX GET` came with Redis 7.0; found out by trying, remembered per connection.
    set_refused: AtomicBool,
    /// Found out by the first command that could use it.
    pub(super) native: OnceLock<Option<Native>>,
    /// What was there then may be denied later.
    pub(super) delete_refused: AtomicBool,
    pub(super) extend_refused: AtomicBool,
    line_refused: AtomicBool,
}

impl RedisSession {
    pub(super) fn new(connection: MultiplexedConnection, response_timeout: Duration) -> Self {
        Self {
            channel: Channel::new(connection, response_timeout),
            set_refused: AtomicBool::new(false),
            native: OnceLock::new(),
            delete_refused: AtomicBool::new(false),
            extend_refused: AtomicBool::new(false),
            line_refused: AtomicBool::new(false),
        }
    }

    pub(super) async fn probe(&self, key: &str) -> Result<(), StoreError> {
        match self.channel.send(cmd("GET").arg(key)).await {
            Ok(_) | Err(Failure::WrongType) => Ok(()),
            Err(error) => Err(told(error, "GET")),
        }
    }

    /// The server's `maxmemory-policy`, if it tells. Not every server has it, and most users may not
    /// ask.
    pub(super) async fn eviction_policy(&self) -> Option<String> {
        let question = cmd("CONFIG").arg("GET").arg("maxmemory-policy").to_owned();
        let answer = self.channel.send(&question).await.ok()?;
        let pairs: Vec<(String, String)> = redis::from_redis_value(answer).ok()?;
        pairs.into_iter().next().map(|(_, policy)| policy)
    }

    async fn take(
        &self,
        key: &str,
        token: &str,
        ttl: &str,
        form: AcquireForm,
    ) -> Result<Value, Failure> {
        if form == AcquireForm::Set && !self.set_refused.load(Ordering::Relaxed) {
            let mut set = command(
                "SET",
                6,
                key.len() + token.len() + ttl.len() + "NXGETPX".len(),
            );
            set.arg(key)
                .arg(token)
                .arg("NX")
                .arg("GET")
                .arg("PX")
                .arg(ttl);
            match self.channel.send(&set).await {
                Err(Failure::Syntax) => {
                    if !self.set_refused.swap(true, Ordering::Relaxed) {
                        fell_back(Fallback::AcquireByScript);
                    }
                }
                answer => return answer,
            }
        }
        let (keys, args) = ([key], [token, ttl]);
        // Boxed: most calls would carry it for nothing.
        Box::pin(self.channel.script(&scripts::ACQUIRE, &keys, &args)).await
    }

    pub(super) fn line<'a>(&self, line: Option<&'a str>) -> Option<&'a str> {
        line.filter(|_| !self.line_refused.load(Ordering::Relaxed))
    }

    /// This user may not touch it: its waiters poll.
    pub(super) fn refuse_line(&self) {
        if !self.line_refused.swap(true, Ordering::Relaxed) {
            fell_back(Fallback::Polling);
        }
    }

    /// A script with the line as its last key; without it where this user may not touch that.
    pub(super) async fn script(
        &self,
        script: &Script,
        keys: &[&str],
        line: Option<&str>,
        args: &[&str],
    ) -> Result<Value, Failure> {
        if let Some(line) = self.line(line) {
            let mut all = [line; MOST_KEYS];
            all[..keys.len()].copy_from_slice(keys);
            let all = &all[..=keys.len()];
            match self.channel.script(script, all, args).await {
                Err(Failure::Absent(_)) => self.refuse_line(),
                answer => return answer,
            }
        }
        // Boxed: those with a line would carry it.
        Box::pin(self.channel.script(script, keys, args)).await
    }
}

/// That any script has, the line included.
const MOST_KEYS: usize = 3;

/// What PTTL says of one.
const NO_SUCH_KEY: i64 = -2;

fn millis(ttl: Duration) -> String {
    // What does not fit is far beyond any ttl, and short numbers are quicker to print.
    u64::try_from(ttl.as_millis())
        .unwrap_or(u64::MAX)
        .to_string()
}

fn not_released(failure: Failure) -> StoreError {
    match failure {
        Failure::Unsent(error) => error.unsent(),
        failure => told(failure, "the release script"),
    }
}

impl LockSession for RedisSession {
    fn acquire<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
        form: AcquireForm,
    ) -> StoreFuture<'a, Option<Stored>> {
        Box::pin(async move {
            match self.take(key, token.as_str(), &millis(ttl), form).await {
                Ok(value) => self.channel.sensible(stored(value)),
                Err(Failure::WrongType) => Ok(Some(Stored::OtherType)),
                Err(Failure::Unsent(error)) => Err(error.unsent()),
                Err(failure) => Err(told(failure, "the acquire script")),
            }
        })
    }

    fn acquire_fenced<'a>(
        &'a self,
        key: &'a str,
        fence_key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Fenced> {
        Box::pin(async move {
            let ttl = millis(ttl);
            let args = [token.as_str(), ttl.as_str()];
            let answer = self
                .channel
                .script(&scripts::ACQUIRE_FENCED, &[key, fence_key], &args)
                .await;
            match answer {
                Ok(value) => self.channel.sensible(fenced(value)),
                Err(Failure::WrongType) => Ok(Fenced::Held(Stored::OtherType)),
                Err(Failure::Unsent(error)) => Err(error.unsent()),
                Err(Failure::Fence) => Err(no_fence(fence_key)),
                Err(failure) => Err(told(failure, "the fence script")),
            }
        })
    }

    fn join<'a>(
        &'a self,
        key: &'a str,
        line: &'a str,
        fence_key: Option<&'a str>,
        head: &'a Head,
        ttl: Duration,
        limit: Duration,
    ) -> StoreFuture<'a, Joined> {
        Box::pin(async move {
            let Some(line) = self.line(Some(line)) else {
                return Ok(Joined::NoLine);
            };
            let (ttl, limit) = (millis(ttl), millis(limit));
            let args = [head.token().as_str(), &ttl, head.entry(), &limit];
            let channel = &self.channel;
            let answer = match fence_key {
                None => channel.script(&scripts::JOIN, &[key, line], &args).await,
                Some(fence) => {
                    let keys = [key, fence, line];
                    channel.script(&scripts::JOIN_FENCED, &keys, &args).await
                }
            };
            match (answer, fence_key) {
                (Ok(value), fence) => channel.sensible(joined(&value, fence.is_some())),
                (Err(Failure::Unsent(error)), _) => Err(error.unsent()),
                (Err(Failure::Fence), Some(fence_key)) => Err(no_fence(fence_key)),
                (Err(Failure::Absent(_)), _) => {
                    self.refuse_line();
                    Ok(Joined::NoLine)
                }
                (Err(failure), _) => Err(told(failure, "the script that joins the line")),
            }
        })
    }

    fn release<'a>(
        &'a self,
        key: &'a str,
        line: Option<&'a str>,
        token: &'a LockToken,
    ) -> StoreFuture<'a, Passed> {
        let deleted = self.delete(key, line, token.as_str());
        // Beyond a kilobyte an allocator takes its long way, and a block around it is that much more.
        Box::pin(deleted.map(|passed| passed.map_err(not_released)))
    }

    fn pass<'a>(
        &'a self,
        key: &'a str,
        line: &'a str,
        token: &'a LockToken,
        leaving: Option<&'a Head>,
        joining: Option<&'a Head>,
        limit: Duration,
    ) -> StoreFuture<'a, Passed> {
        Box::pin(async move {
            let limit = millis(limit);
            let entry = |head: Option<&'a Head>| head.map_or("", Head::entry);
            let args = [token.as_str(), entry(leaving), entry(joining), &limit];
            let answer = self.script(&scripts::PASS, &[key], Some(line), &args).await;
            let answer = answer.map_err(not_released)?;
            self.channel.sensible(passed(&answer))
        })
    }

    fn swap<'a>(
        &'a self,
        key: &'a str,
        line: Option<&'a str>,
        old: &'a LockToken,
        new: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Swapped> {
        Box::pin(async move {
            let ttl = millis(ttl);
            let args = [old.as_str(), new.as_str(), ttl.as_str()];
            match self.script(&scripts::SWAP, &[key], line, &args).await {
                Ok(value) => self.channel.sensible(swapped(&value, false)),
                Err(Failure::Unsent(error)) => Err(error.unsent()),
                Err(failure) => Err(told(failure, "the swap script")),
            }
        })
    }

    fn swap_fenced<'a>(
        &'a self,
        key: &'a str,
        line: Option<&'a str>,
        fence_key: &'a str,
        old: &'a LockToken,
        new: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Swapped> {
        Box::pin(async move {
            let ttl = millis(ttl);
            let args = [old.as_str(), new.as_str(), ttl.as_str()];
            let keys = [key, fence_key];
            match self.script(&scripts::SWAP_FENCED, &keys, line, &args).await {
                Ok(value) => self.channel.sensible(swapped(&value, true)),
                Err(Failure::Unsent(error)) => Err(error.unsent()),
                Err(Failure::Fence) => Err(no_fence(fence_key)),
                Err(failure) => Err(told(failure, "the swap script")),
            }
        })
    }

    fn extend<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let extended = self.prolong(key, token.as_str(), &millis(ttl)).await;
            extended.map_err(|failure| told(failure, "the extend script"))
        })
    }

    fn inspect<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<(Stored, Option<Duration>)>> {
        Box::pin(async move {
            let (get, pttl) = (
                cmd("GET").arg(key).to_owned(),
                cmd("PTTL").arg(key).to_owned(),
            );
            let (value, left) = tokio::join!(self.channel.send(&get), self.channel.send(&pttl));
            let found = match value {
                Ok(value) => self.channel.sensible(stored(value))?,
                Err(Failure::WrongType) => Some(Stored::OtherType),
                Err(failure) => return Err(told(failure, "GET")),
            };
            let left = left.map_err(|failure| told(failure, "PTTL"))?;
            let left = self.channel.sensible(integer(&left))?;
            // Gone between the two commands.
            let found = found.filter(|_| left != NO_SUCH_KEY);
            // Else negative: no expiry.
            let left = u64::try_from(left).ok().map(Duration::from_millis);
            Ok(found.map(|found| (found, left)))
        })
    }

    fn replicated(&self, replicas: u32, limit: Duration) -> StoreFuture<'_, u32> {
        Box::pin(async move {
            let mut wait = cmd("WAIT");
            wait.arg(replicas).arg(millis(limit));
            // The server holds its answer back until then.
            let answer = self
                .channel
                .send_within(limit + self.channel.response_timeout, &wait)
                .await;
            let answer = answer.map_err(|failure| told(failure, "WAIT"))?;
            let count = self.channel.sensible(integer(&answer))?;
            Ok(u32::try_from(count).unwrap_or(0))
        })
    }

    fn is_open(&self) -> bool {
        self.channel.is_sound()
    }
}
