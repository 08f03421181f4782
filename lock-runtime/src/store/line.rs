//! The line of a key: one head of each client stands in it, and the lock is passed on in its order.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Release, StoreFuture, Stored, Swap};
use crate::fence::FencingToken;
use crate::token::{Holder, LockToken};

/// The first of a client's waiters for a key, as it stands in the key's line. The line is a hint: it
/// says whose turn it is, and never who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    token: LockToken,
    claim: Duration,
    entry: Arc<str>,
}

impl Head {
    /// One who waits with `token`. Passed on to it, the lock lasts for `claim`, until it asks for more.
    /// `address` is where it is told; without one it looks by itself.
    #[must_use]
    pub fn new(token: &LockToken, claim: Duration, address: Option<&str>) -> Self {
        let address = address.unwrap_or_default();
        let (millis, length) = (claim.as_millis(), address.len());
        Self {
            token: token.clone(),
            claim,
            entry: format!("{millis}:{length}:{address}{}", token.as_str()).into(),
        }
    }

    /// Its token.
    #[must_use]
    pub fn token(&self) -> &LockToken {
        &self.token
    }

    /// The time to live of a lock that is passed on to it.
    #[must_use]
    pub fn claim(&self) -> Duration {
        self.claim
    }

    /// As it stands in line: the claim in milliseconds, the length of the address in bytes, both followed
    /// by a colon, the address and the token.
    #[must_use]
    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// Who stands in line with this entry. `None` for what is no entry of a head.
    ///
    /// ```
    /// use lock_runtime::{Head, Holder, LockToken};
    /// use std::time::Duration;
    ///
    /// let second = Duration::from_secs(1);
    /// let token = LockToken::new("place_order", second, Duration::ZERO);
    /// let head = Head::new(&token, second, Some("address"));
    /// let Some(Holder::Owner(waiter)) = Head::read(head.entry().as_bytes()) else { panic!() };
    /// assert_eq!(waiter.function, "place_order");
    /// assert_eq!(Head::read(b"a stranger's"), None);
    /// ```
    #[must_use]
    pub fn read(entry: &[u8]) -> Option<Holder> {
        let (_claim, rest) = number(entry)?;
        let (length, rest) = number(rest)?;
        rest.get(length..).map(Holder::parse)
    }
}

/// The number before the first colon, and what comes behind it.
fn number(text: &[u8]) -> Option<(usize, &[u8])> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let digits = std::str::from_utf8(&text[..colon]).ok()?;
    Some((digits.parse().ok()?, &text[colon + 1..]))
}

/// Where a head stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Whether it came into the line by this command, or stood there before.
    pub joined_now: bool,
    /// Whether nobody stands before it.
    pub first: bool,
}

/// What joining a line did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// The key was free and holds our token now.
    Granted(Option<FencingToken>),
    /// The key held our token already, and has its whole ttl again.
    Ours(Option<FencingToken>),
    /// There is no line to be had, and nothing was done.
    NoLine,
    /// The key holds something else.
    Held {
        /// What.
        stored: Stored,
        /// For how long; `None`: it does not expire.
        left: Option<Duration>,
        /// Where we stand in line now. `None`: we could not join it.
        position: Option<Position>,
    },
}

/// What giving a lock back did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// To the lock.
    pub release: Release,
    /// Whether somebody else stands in line now, as far as the command could tell.
    pub others: bool,
    /// For the head that was to join the line: where it stands. `None`: there is no line to be had, or
    /// the lock is its own already.
    pub position: Option<Position>,
    /// Whether the lock went to the head that was to join.
    pub served: bool,
}

impl From<Release> for Passed {
    fn from(release: Release) -> Self {
        Self {
            release,
            others: false,
            position: None,
            served: false,
        }
    }
}

/// What a swap did, and whether somebody stands in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swapped {
    /// To the lock.
    pub swap: Swap,
    /// Whether somebody stands in line, as far as the command could tell.
    pub others: bool,
}

impl From<Swap> for Swapped {
    fn from(swap: Swap) -> Self {
        Self {
            swap,
            others: false,
        }
    }
}

/// What a head in line is told. Any of it may come late, twice or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// The lock was passed on to it.
    Turn,
    /// It is the first in line now; the lock was passed on to somebody else, for so long.
    Next(Duration),
    /// Something about the key changed: whoever is the first in line looks what.
    Changed,
    /// News may have been lost.
    Lost,
}

/// Where a head hears of its lock. Dropped, it is told no more.
pub trait Listener: Send + Sync {
    /// Waits until news can come, or cannot for now.
    ///
    /// Cancellation safety: holds nothing.
    fn ready(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// The address for its place in line; none while no news can come.
    fn address(&self) -> Option<Arc<str>>;

    /// Waits for news.
    ///
    /// Cancellation safety: what was not waited for comes at the next call.
    fn heard(&self) -> Pin<Box<dyn Future<Output = News> + Send + '_>>;

    /// Looks at the key, whose next change is news then.
    fn watch(&self) -> StoreFuture<'_, Option<Stored>>;
}

/// The news of one head that it has not heard yet.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    told: Mutex<Told>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Told {
    turn: bool,
    changed: bool,
    lost: bool,
    next: Option<Duration>,
}

impl Inbox {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tell(&self, news: News) {
        let mut told = self.told();
        match news {
            News::Turn => told.turn = true,
            News::Changed => told.changed = true,
            News::Lost => told.lost = true,
            News::Next(claim) => told.next = Some(claim),
        }
        drop(told);
        self.wake.notify_one();
    }

    /// Before a look at the key, which tells as much.
    pub(crate) fn forget_change(&self) {
        self.told().changed = false;
    }

    fn take(&self) -> Option<News> {
        let mut told = self.told();
        if std::mem::take(&mut told.turn) {
            return Some(News::Turn);
        }
        if std::mem::take(&mut told.lost) {
            return Some(News::Lost);
        }
        // Ahead of a change: who is the first now looks at it.
        if let Some(claim) = told.next.take() {
            return Some(News::Next(claim));
        }
        std::mem::take(&mut told.changed).then_some(News::Changed)
    }

    pub(crate) async fn heard(&self) -> News {
        loop {
            if let Some(news) = self.take() {
                return news;
            }
            self.wake.notified().await;
        }
    }
}
