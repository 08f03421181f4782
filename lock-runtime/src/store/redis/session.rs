//! The lock's commands on one connection to a server.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Value, cmd};

use super::channel::Channel;
use super::dialect::{Failure, fenced, integer, no_fence, stored, swapped, told, unexpected};
use super::native::{self, Native};
use super::scripts::{self, Script};
use crate::error::{StoreError, StoreErrorKind};
use crate::options::AcquireForm;
use crate::store::{Fenced, LockSession, Release, StoreFuture, Stored, Swap};
use crate::token::LockToken;

/// A channel, and what its server can do.
pub(super) struct RedisSession {
    pub(super) channel: Channel,
    /// `SET … NX GET` came with Redis 7.0; found out by trying, remembered per connection.
    set_refused: AtomicBool,
    /// Found out by the first command that could use it.
    native: OnceLock<Option<Native>>,
    /// What was there then may be denied later.
    delete_refused: AtomicBool,
    extend_refused: AtomicBool,
}

impl RedisSession {
    pub(super) fn new(connection: MultiplexedConnection, response_timeout: Duration) -> Self {
        Self {
            channel: Channel::new(connection, response_timeout),
            set_refused: AtomicBool::new(false),
            native: OnceLock::new(),
            delete_refused: AtomicBool::new(false),
            extend_refused: AtomicBool::new(false),
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
            let mut set = cmd("SET");
            set.arg(key)
                .arg(token)
                .arg("NX")
                .arg("GET")
                .arg("PX")
                .arg(ttl);
            match self.channel.send(&set).await {
                Err(Failure::Syntax) => self.set_refused.store(true, Ordering::Relaxed),
                answer => return answer,
            }
        }
        self.channel
            .script(&scripts::ACQUIRE, &[key], &[token, ttl])
            .await
    }

    /// What the server may do in one command of its own. `None`: it has to be a script.
    fn native(&self, refused: &AtomicBool) -> Option<Native> {
        let native = self.native.get().copied().flatten();
        native.filter(|_| !refused.load(Ordering::Relaxed))
    }

    /// The first time a script, behind the question which commands of its own the server has: a
    /// release that had to wait for that answer would come behind what is sent meanwhile, or, where
    /// nobody answers, not at all.
    ///
    /// `None`: known already, or the server has one and runs no scripts for this user.
    async fn explore(
        &self,
        script: &Script,
        key: &str,
        token: &str,
        args: &[&str],
    ) -> Option<Result<Value, Failure>> {
        if self.native.get().is_some() {
            return None;
        }
        // Stands nowhere, so that nothing is deleted.
        let other = format!("{token}?");
        let questions = Native::ALL.iter().map(|native| native.delete(key, &other));
        let asked = self
            .channel
            .send_behind(questions, script.by_hash(&[key], args));
        let (tried, answer) = match asked.await {
            Ok(answers) => answers,
            Err(failure) => return Some(Err(failure)),
        };
        let answer = match answer {
            Err(Failure::NoScript) => self.channel.send(&script.by_text(&[key], args)).await,
            answer => answer,
        };
        let native = Native::tried(&tried);
        // Whatever hindered all of them may end.
        if native.is_some() || answer.is_ok() {
            let _ = self.native.set(native);
        }
        match answer {
            Err(Failure::Absent(_)) if native.is_some() => None,
            answer => Some(answer),
        }
    }

    /// Compare-and-delete, with the script's codes.
    ///
    /// Cancellation safety: of a release that is dropped behind a native 0 nobody is told that the
    /// token was not there; whoever sends it again finds out what is there by then.
    async fn delete(&self, key: &str, token: &str) -> Result<Value, Failure> {
        let script = &scripts::RELEASE;
        if let Some(answer) = self.explore(script, key, token, &[token]).await {
            return answer;
        }
        if let Some(own) = self.native(&self.delete_refused) {
            match self.channel.send(&own.delete(key, token)).await {
                Err(Failure::Absent(_) | Failure::Syntax) => {
                    self.delete_refused.store(true, Ordering::Relaxed);
                }
                Err(Failure::WrongType) => return Ok(Value::Int(-1)),
                Ok(Value::Int(0)) => return Ok(Value::Int(self.instead(key, token).await)),
                answer => return answer,
            }
        }
        self.channel.script(script, &[key], &[token]).await
    }

    /// The code for a token that was not at its key. It was not, whatever this check finds: no answer,
    /// or the token after all, which a SET of another connection has brought meanwhile.
    async fn instead(&self, key: &str, token: &str) -> i64 {
        let Ok(found) = self.channel.send(cmd("GET").arg(key)).await else {
            return -1;
        };
        match self.channel.sensible(stored(found)) {
            Ok(None) => 0,
            Ok(Some(Stored::Value(value))) if value == token.as_bytes() => 0,
            _ => -1,
        }
    }

    async fn prolong(&self, key: &str, token: &str, ttl: &str) -> Result<bool, Failure> {
        let (script, args) = (&scripts::EXTEND, [token, ttl]);
        let explored = self.explore(script, key, token, &args).await;
        if explored.is_none() && self.native(&self.extend_refused).is_some() {
            let set = native::extend(key, token, ttl);
            match self.channel.send(&set).await {
                Ok(Value::Okay) => return Ok(true),
                Ok(Value::Nil) | Err(Failure::WrongType) => return Ok(false),
                Ok(other) => {
                    let nonsense = self.channel.sensible(Err(unexpected(&other)));
                    return nonsense.map_err(Failure::Broken);
                }
                Err(Failure::Absent(_) | Failure::Syntax) => {
                    self.extend_refused.store(true, Ordering::Relaxed);
                }
                // A server without memory refuses every SET, but not the script's PEXPIRE.
                Err(Failure::Store(error)) if error.kind() == StoreErrorKind::Refused => {}
                Err(failure) => return Err(failure),
            }
        }
        let answer = match explored {
            Some(answer) => answer,
            None => self.channel.script(script, &[key], &args).await,
        };
        let code = self.channel.sensible(integer(&answer?));
        Ok(code.map_err(Failure::Broken)? == 1)
    }
}

fn millis(ttl: Duration) -> String {
    ttl.as_millis().to_string()
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

    fn release<'a>(&'a self, key: &'a str, token: &'a LockToken) -> StoreFuture<'a, Release> {
        Box::pin(async move {
            let answer = self.delete(key, token.as_str()).await;
            let code = answer.map_err(|failure| match failure {
                Failure::Unsent(error) => error.unsent(),
                failure => told(failure, "the release script"),
            })?;
            match self.channel.sensible(integer(&code))? {
                1 => Ok(Release::Deleted),
                0 => Ok(Release::Missing),
                -1 => Ok(Release::NotOurs),
                -2 => Ok(Release::NotDeleted),
                _ => self.channel.sensible(Err(unexpected(&code))),
            }
        })
    }

    fn swap<'a>(
        &'a self,
        key: &'a str,
        old: &'a LockToken,
        new: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Swap> {
        Box::pin(async move {
            let ttl = millis(ttl);
            let args = [old.as_str(), new.as_str(), ttl.as_str()];
            match self.channel.script(&scripts::SWAP, &[key], &args).await {
                Ok(value) => self.channel.sensible(swapped(&value)),
                Err(Failure::Unsent(error)) => Err(error.unsent()),
                Err(failure) => Err(told(failure, "the swap script")),
            }
        })
    }

    fn swap_fenced<'a>(
        &'a self,
        key: &'a str,
        fence_key: &'a str,
        old: &'a LockToken,
        new: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Swap> {
        Box::pin(async move {
            let ttl = millis(ttl);
            let args = [old.as_str(), new.as_str(), ttl.as_str()];
            let keys = [key, fence_key];
            match self
                .channel
                .script(&scripts::SWAP_FENCED, &keys, &args)
                .await
            {
                Ok(value) => self.channel.sensible(swapped(&value)),
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
            // Negative: no expiry, or gone between the two commands.
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
