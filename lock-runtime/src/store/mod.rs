//! What a backend must do: a few commands on a session that keeps their order.

mod line;
mod memory;
pub(crate) mod redis;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use line::Inbox;
pub use line::{Head, Joined, Listener, News, Passed, Position, Swapped};
pub use memory::MemoryStore;

use crate::error::{StoreError, StoreErrorKind};
use crate::fence::FencingToken;
use crate::options::AcquireForm;
use crate::token::{Holder, LockToken, Ownership};

/// The boxed future of a store's command.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A backend that keeps locks: [`MemoryStore`], Redis, or one of your own for
/// [`LockClientBuilder::store`](crate::LockClientBuilder::store). The contract that every backend must
/// meet is the test `tests/tests/contract` of this crate's repository.
///
/// Every future a store returns must end by itself within a bounded time, with
/// [`StoreErrorKind::Timeout`](crate::StoreErrorKind::Timeout) if need be; dropping one before it ends may or may not have run
/// the command.
///
#[doc = include_str!("own.md")]
pub trait LockStore: Send + Sync + 'static {
    /// A session that works in the calling runtime: the current one while it is sound, else a
    /// new one. A session is known by its `Arc`: an answer on it settles what was sent on it before.
    fn session(&self) -> StoreFuture<'_, Arc<dyn LockSession>>;

    /// A session that carries nothing else until its last `Arc` is dropped: for commands that hold up
    /// what comes behind them, and for those that the usual session is silent about. Defaults to
    /// `session`, for backends where nothing holds up anything.
    fn exclusive(&self) -> StoreFuture<'_, Arc<dyn LockSession>> {
        self.session()
    }

    /// Where the head of `key` with `token` hears of it, in the calling runtime. Defaults to none, for
    /// backends that tell nothing: their waiters look by themselves.
    fn listen(&self, _key: &Arc<str>, _token: &LockToken) -> Option<Box<dyn Listener>> {
        None
    }

    /// Where the store is, for people; no credentials.
    fn address(&self) -> String;
}

/// An ordered channel to a store: a command first polled earlier is run earlier, and none is run
/// twice: of a lock that is taken or joined twice, two could believe that they hold it. See [`LockStore`] for an
/// example.
pub trait LockSession: Send + Sync + 'static {
    /// Stores `token` at `key` for `ttl` unless there is a value. `None`: stored. Otherwise what
    /// is there, which may be `token` itself.
    fn acquire<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
        form: AcquireForm,
    ) -> StoreFuture<'a, Option<Stored>>;

    /// As `acquire`, and draws a fencing token greater than all that were drawn for the key before,
    /// in the same step. `fence_key` is a place beside `key` for a backend that has to keep the last
    /// one drawn at a key. Defaults to a refusal, for backends without fences.
    fn acquire_fenced<'a>(
        &'a self,
        _key: &'a str,
        _fence_key: &'a str,
        _token: &'a LockToken,
        _ttl: Duration,
    ) -> StoreFuture<'a, Fenced> {
        Box::pin(async {
            Err(StoreError::new(
                StoreErrorKind::Refused,
                "this store draws no fencing tokens, ask for a lock without",
            ))
        })
    }

    /// Takes the lock as `acquire` or, with a `fence_key`, as `acquire_fenced` does, or else joins the
    /// `line` of `key`, which is kept for `limit` at least; whoever stands there already keeps its place.
    /// A lock that holds the token already has the whole `ttl` again. Defaults to [`Joined::NoLine`].
    fn join<'a>(
        &'a self,
        _key: &'a str,
        _line: &'a str,
        _fence_key: Option<&'a str>,
        _head: &'a Head,
        _ttl: Duration,
        _limit: Duration,
    ) -> StoreFuture<'a, Joined> {
        Box::pin(async { Ok(Joined::NoLine) })
    }

    /// Deletes `key` if it holds `token`; or, if that costs nothing more, gives it to the first in `line`
    /// as `pass` does. An error of the kind [`Unreachable`](crate::StoreErrorKind::Unreachable) says that
    /// nothing was sent.
    fn release<'a>(
        &'a self,
        key: &'a str,
        line: Option<&'a str>,
        token: &'a LockToken,
    ) -> StoreFuture<'a, Passed>;

    /// Takes `leaving` out of the `line` of `key`, puts `joining` at its end, and if `key` holds `token`
    /// or is free, gives it to the first in line who can be told. If nobody can, a key that holds `token`
    /// is deleted. Defaults to a release, for backends without lines.
    fn pass<'a>(
        &'a self,
        key: &'a str,
        line: &'a str,
        token: &'a LockToken,
        _leaving: Option<&'a Head>,
        _joining: Option<&'a Head>,
        _limit: Duration,
    ) -> StoreFuture<'a, Passed> {
        self.release(key, Some(line), token)
    }

    /// Puts `new` in the place of `old` for `ttl`, if `key` holds that: the lock changes hands without
    /// having been free. Defaults to a refusal, for backends that cannot: the lock is then released,
    /// and taken by whoever comes first.
    fn swap<'a>(
        &'a self,
        _key: &'a str,
        _line: Option<&'a str>,
        _old: &'a LockToken,
        _new: &'a LockToken,
        _ttl: Duration,
    ) -> StoreFuture<'a, Swapped> {
        Box::pin(async { Err(StoreError::no_swap()) })
    }

    /// As `swap`, and draws a fencing token as `acquire_fenced` does, in the same step.
    fn swap_fenced<'a>(
        &'a self,
        _key: &'a str,
        _line: Option<&'a str>,
        _fence_key: &'a str,
        _old: &'a LockToken,
        _new: &'a LockToken,
        _ttl: Duration,
    ) -> StoreFuture<'a, Swapped> {
        Box::pin(async { Err(StoreError::no_swap()) })
    }

    /// Sets the time to live of `key` if it holds `token`; says whether it did.
    fn extend<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, bool>;

    /// Sets what is left of the time to live of `key` if it holds `token`, which is given back but stays for
    /// so long. Defaults to an extension, and an inspection where that finds something else.
    fn shorten<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        left: Duration,
    ) -> StoreFuture<'a, Release> {
        Box::pin(async move {
            if self.extend(key, token, left).await? {
                return Ok(Release::Kept);
            }
            // It was not there, whatever this finds.
            Ok(match self.inspect(key).await {
                Ok(None) => Release::Missing,
                Ok(Some((stored, _))) if stored.is(token) => Release::Missing,
                _ => Release::NotOurs,
            })
        })
    }

    /// What is at `key`, and how long it will stay (`None`: it does not expire).
    fn inspect<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<(Stored, Option<Duration>)>>;

    /// Waits until `replicas` replicas have acknowledged all that was written on this session, at most
    /// for `limit`; gives how many have. Defaults to a refusal, for backends without replicas.
    fn replicated(&self, _replicas: u32, _limit: Duration) -> StoreFuture<'_, u32> {
        Box::pin(async {
            Err(StoreError::new(
                StoreErrorKind::Refused,
                "this store has no replicas, make the client without `acks`",
            ))
        })
    }

    /// Whether commands may still be sent here.
    fn is_open(&self) -> bool;
}

/// A value found at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stored {
    /// A string of any bytes.
    Value(Vec<u8>),
    /// A list, a hash …
    OtherType,
}

impl Stored {
    pub(crate) fn is(&self, token: &LockToken) -> bool {
        matches!(self, Self::Value(value) if value == token.as_str().as_bytes())
    }

    pub(crate) fn holder(&self) -> Holder {
        match self {
            Self::Value(value) => Holder::parse(value),
            Self::OtherType => Holder::NotALock,
        }
    }

    /// What an inspection means to the owner of `token`.
    pub(crate) fn compared(
        found: Option<&(Self, Option<Duration>)>,
        token: &LockToken,
    ) -> Ownership {
        match found {
            None => Ownership::Free,
            Some((stored, _)) if stored.is(token) => Ownership::Mine,
            Some((stored, _)) => Ownership::Other(stored.holder()),
        }
    }
}

/// What a fenced acquire did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fenced {
    /// The key was free and holds our token now.
    Granted(FencingToken),
    /// The key held our token already, since this was drawn.
    Ours(FencingToken),
    /// The key holds something else.
    Held(Stored),
}

/// What a swap did. The fencing token is there if one was to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// The key held the old token and holds the new one now.
    Swapped(Option<FencingToken>),
    /// The key held the new token already.
    Found(Option<FencingToken>),
    /// There was no such key.
    Missing,
    /// The key holds another value and was left alone.
    NotOurs,
}

/// What a release did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Release {
    /// Code `1`: the key held our token and is deleted.
    Deleted,
    /// Code `0`: there was no such key.
    Missing,
    /// Code `-1`: the key holds another value and was left alone. Also where the store said only that
    /// our token was not there, and did not answer what was.
    NotOurs,
    /// Code `-2`: the key held our token and could not be deleted; its ttl ends it.
    NotDeleted,
    /// The key held our token and holds that of a waiter now.
    HandedOver,
    /// The key held our token, and keeps it until the
    /// [`min_hold`](crate::LockRequest::min_hold) of the lock is over.
    Kept,
}

impl Release {
    /// One word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Missing => "missing",
            Self::NotOurs => "not_ours",
            Self::NotDeleted => "not_deleted",
            Self::HandedOver => "handed_over",
            Self::Kept => "kept",
        }
    }

    /// Whether our token stood at the key.
    pub(crate) fn was_ours(self) -> bool {
        !matches!(self, Self::Missing | Self::NotOurs)
    }
}

impl fmt::Debug for dyn LockStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockStore({})", self.address())
    }
}
