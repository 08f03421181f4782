//! One connection to a server, and the lock's commands on it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value, cmd};
use tokio::time::{Instant, timeout};

use super::dialect::{
    Failure, failure, fenced, integer, no_fence, stored, swapped, unexpected, unsupported,
};
use super::scripts::{self, Script};
use crate::error::StoreError;
use crate::options::AcquireForm;
use crate::store::{Fenced, LockSession, Release, StoreFuture, Stored, Swap};
use crate::token::LockToken;

/// Timeouts in a row after which a connection is taken for dead: nothing else tells a black hole
/// from a slow server.
const DEAD_AFTER: u32 = 2;

/// A multiplexed connection. The driver writes commands in the order of their first poll.
pub(super) struct RedisSession {
    connection: MultiplexedConnection,
    response_timeout: Duration,
    broken: AtomicBool,
    timeouts: AtomicU32,
    /// A command was given up before its answer, which may still come.
    cut: AtomicBool,
    /// `SET … NX GET` came with Redis 7.0; found out by trying, remembered per connection.
    set_refused: AtomicBool,
}

impl RedisSession {
    pub(super) fn new(connection: MultiplexedConnection, response_timeout: Duration) -> Self {
        Self {
            connection,
            response_timeout,
            broken: AtomicBool::new(false),
            timeouts: AtomicU32::new(0),
            cut: AtomicBool::new(false),
            set_refused: AtomicBool::new(false),
        }
    }

    pub(super) async fn probe(&self, key: &str) -> Result<(), StoreError> {
        match self.send(cmd("GET").arg(key)).await {
            Ok(_) | Err(Failure::WrongType) => Ok(()),
            Err(error) => Err(told(error, "GET")),
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
    }

    /// Sound, and its last answer came in time.
    pub(super) fn is_healthy(&self) -> bool {
        self.is_sound() && self.timeouts.load(Ordering::Relaxed) == 0
    }

    /// Whether an answer may be under way that nobody waits for.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// The server's `maxmemory-policy`, if it tells. Not every server has it, and most users may not
    /// ask.
    pub(super) async fn eviction_policy(&self) -> Option<String> {
        let question = cmd("CONFIG").arg("GET").arg("maxmemory-policy").to_owned();
        let answer = self.send(&question).await.ok()?;
        let pairs: Vec<(String, String)> = redis::from_redis_value(answer).ok()?;
        pairs.into_iter().next().map(|(_, policy)| policy)
    }

    async fn send(&self, command: &Cmd) -> Result<Value, Failure> {
        self.send_within(self.response_timeout, command).await
    }

    async fn send_within(&self, limit: Duration, command: &Cmd) -> Result<Value, Failure> {
        let mut waiting = Waiting {
            session: Some(self),
            since: Instant::now(),
        };
        let mut connection = self.connection.clone();
        let mut answer = pin!(command.query_async::<Value>(&mut connection));
        let at_once = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
        // No server is that quick: the driver has ended before it could take the command. Unless
        // this thread was held up in between, so that nothing unsafe may follow from it.
        let unsent = at_once.is_ready();
        let answer = match at_once {
            Poll::Ready(answer) => Ok(answer),
            Poll::Pending => timeout(limit, answer).await,
        };
        let Ok(answer) = answer else {
            return Err(Failure::Store(StoreError::silent(limit)));
        };
        waiting.session = None;
        self.timeouts.store(0, Ordering::Relaxed);
        answer.map_err(|error| match failure(&error) {
            Failure::Broken(error) => {
                self.broken.store(true, Ordering::Relaxed);
                if unsent {
                    Failure::Unsent(error)
                } else {
                    Failure::Broken(error)
                }
            }
            failure => failure,
        })
    }

    /// What an answer says. One that its command cannot give shows that answers and commands do not
    /// belong together here any more: the next one could look like a lock.
    fn sensible<T>(&self, said: Result<T, StoreError>) -> Result<T, StoreError> {
        said.inspect_err(|_| self.broken.store(true, Ordering::Relaxed))
    }

    /// By hash first; the text goes over the wire once a server.
    async fn script(
        &self,
        script: &Script,
        keys: &[&str],
        args: &[&str],
    ) -> Result<Value, Failure> {
        let call = |name: &str, text: &str| {
            let mut command = cmd(name);
            command.arg(text).arg(keys.len()).arg(keys).arg(args);
            command
        };
        match self.send(&call("EVALSHA", &script.hash)).await {
            Err(Failure::NoScript) => self.send(&call("EVAL", script.text)).await,
            answer => answer,
        }
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
            match self.send(&set).await {
                Err(Failure::Syntax) => self.set_refused.store(true, Ordering::Relaxed),
                answer => return answer,
            }
        }
        self.script(&scripts::ACQUIRE, &[key], &[token, ttl]).await
    }
}

/// Notes on drop that a command was not waited for to its answer.
struct Waiting<'a> {
    session: Option<&'a RedisSession>,
    since: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(session) = self.session else { return };
        session.cut.store(true, Ordering::Relaxed);
        // A renewal of a short lease gives up long before a timeout, and would never find out that
        // nobody answers here. Who gives up at once says nothing about the server.
        if self.since.elapsed() >= session.response_timeout / 10
            && session.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= DEAD_AFTER
        {
            session.broken.store(true, Ordering::Relaxed);
        }
    }
}

fn told(failure: Failure, command: &str) -> StoreError {
    match failure {
        Failure::Store(error) | Failure::Broken(error) | Failure::Unsent(error) => error,
        Failure::NoScript | Failure::WrongType | Failure::Fence | Failure::Syntax => {
            unsupported(command)
        }
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
                Ok(value) => self.sensible(stored(value)),
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
                .script(&scripts::ACQUIRE_FENCED, &[key, fence_key], &args)
                .await;
            match answer {
                Ok(value) => self.sensible(fenced(value)),
                Err(Failure::WrongType) => Ok(Fenced::Held(Stored::OtherType)),
                Err(Failure::Unsent(error)) => Err(error.unsent()),
                Err(Failure::Fence) => Err(no_fence(fence_key)),
                Err(failure) => Err(told(failure, "the fence script")),
            }
        })
    }

    fn release<'a>(&'a self, key: &'a str, token: &'a LockToken) -> StoreFuture<'a, Release> {
        Box::pin(async move {
            let answer = self
                .script(&scripts::RELEASE, &[key], &[token.as_str()])
                .await;
            let code = answer.map_err(|failure| match failure {
                Failure::Unsent(error) => error.unsent(),
                failure => told(failure, "the release script"),
            })?;
            match self.sensible(integer(&code))? {
                1 => Ok(Release::Deleted),
                0 => Ok(Release::Missing),
                -1 => Ok(Release::NotOurs),
                -2 => Ok(Release::NotDeleted),
                _ => self.sensible(Err(unexpected(&code))),
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
            match self.script(&scripts::SWAP, &[key], &args).await {
                Ok(value) => self.sensible(swapped(&value)),
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
            match self.script(&scripts::SWAP_FENCED, &keys, &args).await {
                Ok(value) => self.sensible(swapped(&value)),
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
            let answer = self
                .script(&scripts::EXTEND, &[key], &[token.as_str(), &millis(ttl)])
                .await;
            let code = answer.map_err(|failure| told(failure, "the extend script"))?;
            Ok(self.sensible(integer(&code))? == 1)
        })
    }

    fn inspect<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<(Stored, Option<Duration>)>> {
        Box::pin(async move {
            let (get, pttl) = (
                cmd("GET").arg(key).to_owned(),
                cmd("PTTL").arg(key).to_owned(),
            );
            let (value, left) = tokio::join!(self.send(&get), self.send(&pttl));
            let found = match value {
                Ok(value) => self.sensible(stored(value))?,
                Err(Failure::WrongType) => Some(Stored::OtherType),
                Err(failure) => return Err(told(failure, "GET")),
            };
            let left = left.map_err(|failure| told(failure, "PTTL"))?;
            let left = self.sensible(integer(&left))?;
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
            let answer = self.send_within(limit + self.response_timeout, &wait).await;
            let answer = answer.map_err(|failure| told(failure, "WAIT"))?;
            let count = self.sensible(integer(&answer))?;
            Ok(u32::try_from(count).unwrap_or(0))
        })
    }

    fn is_open(&self) -> bool {
        self.is_sound()
    }
}
