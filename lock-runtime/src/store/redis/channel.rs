//! One connection to a server: commands in order, each answered within a bounded time.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisError, RedisResult, Value};
use tokio::task::unconstrained;
use tokio::time::{Instant, timeout_at};

use super::dialect::{Failure, failure};
use super::scripts::Script;
use crate::error::StoreError;

/// Timeouts in a row after which a connection is taken for dead: nothing else tells a black hole
/// from a slow server.
const DEAD_AFTER: u32 = 2;

/// A multiplexed connection. The driver writes commands in the order of their first poll.
pub(super) struct Channel {
    connection: MultiplexedConnection,
    pub(super) response_timeout: Duration,
    broken: AtomicBool,
    timeouts: AtomicU32,
    /// A command was given up before its answer, which may still come.
    cut: AtomicBool,
}

impl Channel {
    pub(super) fn new(connection: MultiplexedConnection, response_timeout: Duration) -> Self {
        Self {
            connection,
            response_timeout,
            broken: AtomicBool::new(false),
            timeouts: AtomicU32::new(0),
            cut: AtomicBool::new(false),
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

    pub(super) fn send(&self, command: &Cmd) -> impl Future<Output = Result<Value, Failure>> {
        self.send_within(self.response_timeout, command)
    }

    pub(super) async fn send_within(
        &self,
        limit: Duration,
        command: &Cmd,
    ) -> Result<Value, Failure> {
        let mut connection = self.connection.clone();
        let answer = pin!(command.query_async(&mut connection));
        self.answered(limit, answer).await
    }

    /// A command behind others that only ask, and their answers, in one write: nothing comes between.
    pub(super) async fn send_behind(
        &self,
        questions: impl Iterator<Item = Cmd>,
        command: Cmd,
    ) -> Result<(Vec<Value>, Result<Value, Failure>), Failure> {
        let mut all = Pipeline::new();
        for question in questions {
            all.add_command(question);
        }
        all.add_command(command);
        let mut answers = self.send_all(&all).await?;
        let answer = self.extracted(answers.pop());
        Ok((answers, answer))
    }

    /// Two commands in one write.
    pub(super) async fn send_with(
        &self,
        command: Cmd,
        other: Cmd,
    ) -> Result<(Result<Value, Failure>, Result<Value, Failure>), Failure> {
        let mut all = Pipeline::new();
        all.add_command(command).add_command(other);
        let mut answers = self.send_all(&all).await?.into_iter();
        let first = self.extracted(answers.next());
        Ok((first, self.extracted(answers.next())))
    }

    async fn send_all(&self, all: &Pipeline) -> Result<Vec<Value>, Failure> {
        let mut connection = self.connection.clone();
        let answers = pin!(connection.send_packed_commands(all, 0, all.len()));
        self.answered(self.response_timeout, answers).await
    }

    fn extracted(&self, answer: Option<Value>) -> Result<Value, Failure> {
        let answer = answer.unwrap_or_default().extract_error();
        answer.map_err(|error| self.failed(&error))
    }

    async fn answered<T>(
        &self,
        limit: Duration,
        mut answer: Pin<&mut impl Future<Output = RedisResult<T>>>,
    ) -> Result<T, Failure> {
        let since = Instant::now();
        let mut waiting = Waiting {
            channel: Some(self),
            since,
        };
        // Out of its budget the first poll would write nothing, and what comes later could overtake it.
        let first = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context)));
        let at_once = unconstrained(first).await;
        // No server is that quick: the driver has ended before it could take the command. Unless
        // this thread was held up in between, so that nothing unsafe may follow from it.
        let unsent = at_once.is_ready();
        let answer = match at_once {
            Poll::Ready(answer) => Ok(answer),
            Poll::Pending => timeout_at(since + limit, answer).await,
        };
        let Ok(answer) = answer else {
            return Err(Failure::Store(StoreError::silent(limit)));
        };
        waiting.channel = None;
        self.timeouts.store(0, Ordering::Relaxed);
        answer.map_err(|error| match self.failed(&error) {
            Failure::Broken(error) if unsent => Failure::Unsent(error),
            failure => failure,
        })
    }

    fn failed(&self, error: &RedisError) -> Failure {
        let failure = failure(error);
        if matches!(failure, Failure::Broken(_)) {
            self.broken.store(true, Ordering::Relaxed);
        }
        failure
    }

    /// What an answer says. One that its command cannot give shows that answers and commands do not
    /// belong together here any more: the next one could look like a lock.
    pub(super) fn sensible<T>(&self, said: Result<T, StoreError>) -> Result<T, StoreError> {
        said.inspect_err(|_| self.broken.store(true, Ordering::Relaxed))
    }

    /// By hash first; the text goes over the wire once a server.
    pub(super) async fn script(
        &self,
        script: &Script,
        keys: &[&str],
        args: &[&str],
    ) -> Result<Value, Failure> {
        match self.send(&script.by_hash(keys, args)).await {
            Err(Failure::NoScript) => Box::pin(self.text(script, keys, args)).await,
            answer => answer,
        }
    }

    async fn text(&self, script: &Script, keys: &[&str], args: &[&str]) -> Result<Value, Failure> {
        self.send(&script.by_text(keys, args)).await
    }
}

/// Notes on drop that a command was not waited for to its answer.
struct Waiting<'a> {
    channel: Option<&'a Channel>,
    since: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(channel) = self.channel else { return };
        channel.cut.store(true, Ordering::Relaxed);
        // A renewal of a short lease gives up long before a timeout, and would never find out that
        // nobody answers here. Who gives up at once says nothing about the server.
        if self.since.elapsed() >= channel.response_timeout / 10
            && channel.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= DEAD_AFTER
        {
            channel.broken.store(true, Ordering::Relaxed);
        }
    }
}
