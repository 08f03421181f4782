//! One call for a lock, and the critical section under it: read a counter, work, write one more.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use lock_runtime::{FencingToken, LockClient, LockError, LockGuard, distributed_lock};
use tests::Chance;
use tokio::time::sleep;

use crate::link::{Link, Stale};
use crate::naive::Naive;
use crate::protocol::{How, Told};
use crate::watched::{Term, Watched};

pub(crate) const KEYS: u64 = 6;
pub(crate) const LONGEST_TTL: Duration = Duration::from_millis(400);
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(1_500);
pub(crate) const COMMAND_DEADLINE: Duration = Duration::from_secs(1);

/// As it is on the server.
pub(crate) fn lock_key(key: impl Display) -> String {
    format!("lock:counter:{key}")
}

/// What the lines of waiters are called on the server.
pub(crate) const LINES: &str = "lock:line:";

/// What takes the locks.
#[derive(Clone)]
pub(crate) enum Locks {
    Fenced(LockClient),
    Leased(LockClient),
    Naive(Arc<Naive>),
}

/// What one call is going to do.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) call: u64,
    pub(crate) key: u64,
    pub(crate) wait: Duration,
    ttl: Duration,
    renewed: bool,
    /// Pauses at an await between read and write.
    steps: Vec<Duration>,
    /// Work without an await right before the write, in the same poll.
    busy: Duration,
    /// When the caller loses interest.
    pub(crate) cancelled_after: Option<Duration>,
}

impl Plan {
    pub(crate) fn draw(chance: &mut Chance, call: u64) -> Self {
        let renewed = chance.percent(25);
        let ttls: &[u64] = if renewed {
            &[300, 400]
        } else {
            &[150, 250, 400]
        };
        let ttl = Duration::from_millis(chance.one_of(ttls));
        let wait = match chance.below(10) {
            0 => Duration::ZERO,
            _ => chance.millis(200..=1_500),
        };
        let mut steps: Vec<Duration> = (0..=chance.below(4))
            .map(|_| chance.millis(0..=4))
            .collect();
        // Some work for longer than a lease lasts: they are cut off, or renewed.
        if chance.percent(4) {
            let pieces = 10 + chance.below(30);
            steps.extend((0..pieces).map(|_| chance.millis(5..=20)));
        }
        let cancelled = chance.percent(6);
        let cancelled_after = chance.millis(0..=120);
        Self {
            call,
            key: chance.below(KEYS),
            wait,
            ttl,
            renewed,
            steps,
            busy: chance.millis(0..=2),
            cancelled_after: cancelled.then_some(cancelled_after),
        }
    }
}

/// Why a call did not come to its end.
#[derive(Debug)]
pub(crate) enum Trouble {
    Lock(LockError),
    Stale,
}

impl From<LockError> for Trouble {
    fn from(error: LockError) -> Self {
        Self::Lock(error)
    }
}

impl From<Stale> for Trouble {
    fn from(Stale: Stale) -> Self {
        Self::Stale
    }
}

impl Trouble {
    fn how(&self) -> How {
        match self {
            Self::Stale => How::Stale,
            Self::Lock(LockError::Busy { .. }) => How::Busy,
            Self::Lock(LockError::WaitTimeout { .. }) => How::WaitTimeout,
            Self::Lock(LockError::Lost { .. }) => How::Lost,
            Self::Lock(LockError::Indeterminate { .. }) => How::Indeterminate,
            Self::Lock(LockError::Backend { .. }) => How::Unavailable,
            Self::Lock(error) => {
                eprintln!("an error that no fault explains: {error}");
                How::Unexpected
            }
        }
    }
}

/// Runs one call to its end.
pub(crate) async fn call(link: &Link, locks: &Locks, plan: &Plan) -> How {
    let ended = match (locks, plan.renewed) {
        (Locks::Fenced(client), false) => fenced(client, link, plan).await,
        (Locks::Fenced(client), true) => fenced_renewed(client, link, plan).await,
        (Locks::Leased(client), false) => leased(client, link, plan).await,
        (Locks::Leased(client), true) => leased_renewed(client, link, plan).await,
        (Locks::Naive(naive), _) => match unchecked(naive, link, plan).await {
            Ok(ended) => ended,
            Err(how) => return how,
        },
    };
    match ended {
        Ok(()) => How::Done,
        Err(trouble) => trouble.how(),
    }
}

#[distributed_lock(key = "counter:<plan.key>", ttl = plan.ttl, wait = plan.wait, fence, guard = lock, client = client)]
async fn fenced(client: &LockClient, link: &Link, plan: &Plan) -> Result<(), Trouble> {
    guarded(link, plan, lock).await
}

#[distributed_lock(key = "counter:<plan.key>", ttl = plan.ttl, wait = plan.wait, renew, fence, guard = lock, client = client)]
async fn fenced_renewed(client: &LockClient, link: &Link, plan: &Plan) -> Result<(), Trouble> {
    guarded(link, plan, lock).await
}

#[distributed_lock(key = "counter:<plan.key>", ttl = plan.ttl, wait = plan.wait, guard = lock, client = client)]
async fn leased(client: &LockClient, link: &Link, plan: &Plan) -> Result<(), Trouble> {
    guarded(link, plan, lock).await
}

#[distributed_lock(key = "counter:<plan.key>", ttl = plan.ttl, wait = plan.wait, renew, guard = lock, client = client)]
async fn leased_renewed(client: &LockClient, link: &Link, plan: &Plan) -> Result<(), Trouble> {
    guarded(link, plan, lock).await
}

async fn guarded(link: &Link, plan: &Plan, lock: &LockGuard) -> Result<(), Trouble> {
    let fence = lock.fencing_token().map_or(0, FencingToken::get);
    let term = Term::Guard(lock, plan.ttl);
    Watched::new(link, plan.call, term, increment(link, plan, fence)).await
}

async fn unchecked(naive: &Naive, link: &Link, plan: &Plan) -> Result<Result<(), Trouble>, How> {
    let since = naive.take(plan.key, plan.ttl, plan.wait).await?;
    let deadline = since + crate::clock::micros(plan.ttl);
    let term = Term::Hope { since, deadline };
    let ended = Watched::new(link, plan.call, term, increment(link, plan, 0)).await;
    naive.give_back(plan.key).await;
    Ok(ended)
}

async fn increment(link: &Link, plan: &Plan, fence: u64) -> Result<(), Trouble> {
    let call = plan.call;
    let value = link.request(call, Told::Read { call, fence }).await?;
    for step in &plan.steps {
        if step.is_zero() {
            tokio::task::yield_now().await;
        } else {
            sleep(*step).await;
        }
    }
    // Code without an await: nothing can cut it off, and a stop in it is not noticed.
    std::thread::sleep(plan.busy);
    let value = value + 1;
    link.request(call, Told::Write { call, value, fence })
        .await?;
    Ok(())
}
