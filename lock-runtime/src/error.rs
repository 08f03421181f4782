//! What can go wrong with a lock, and what to do about it.

use std::time::Duration;

use crate::token::{Holder, Ownership};

/// Why a call did not run, or why its result does not count.
///
/// Every message names the key, where there is one, and the next step. None carries a password. Where it says how
/// long ago a holder took the lock, that is counted when the message is made (see [`Holder`]), not when the call
/// was refused.
///
/// ```
/// use lock_runtime::{LockClient, LockError};
///
/// /// What a caller can do about it.
/// fn advice(error: &LockError) -> &'static str {
///     match error {
///         error if error.is_busy() => "later: somebody else is at work on it",
///         LockError::TooManyWaiters { .. } => "later: too many wait already",
///         LockError::Indeterminate { .. } => "again: the lock was not taken",
///         LockError::Backend { .. } => "later: the server is away",
///         LockError::Lost { .. } => "look what has been done, before doing it again",
///         LockError::ShutDown { .. } => "elsewhere: this process ends",
///         _ => "a mistake in the program",
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), LockError> {
/// let client = LockClient::in_memory();
/// let held = client.lock("order:42").acquire().await?;
/// let error = client.lock("order:42").acquire().await.expect_err("it is held");
/// assert!(advice(&error).starts_with("later"));
/// assert!(error.to_string().contains("lock `lock:order:42` is busy"));
/// held.release().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else holds the lock and the call was not told to wait. That may be another task of this process, or
    /// the caller itself, which the message tells by the holder's label: a call inside of one that holds its lock is
    /// never served.
    #[error(
        "lock `{}` is busy, holder: {}; {}",
        .key.escape_debug(),
        seen(.holder.as_ref()),
        later(.holder.as_ref(), "try again later or give the call a `wait`")
    )]
    Busy {
        /// The lock key, with the client's prefix.
        key: String,
        /// Who holds it, as far as its value tells; `None` if others of this client are in line
        /// and none of them has been told yet.
        holder: Option<Holder>,
    },

    /// The lock stayed busy for the whole `wait`.
    #[error(
        "lock `{}` stayed busy for {waited:?}, last holder: {}; {}",
        .key.escape_debug(),
        seen(.holder.as_ref()),
        later(.holder.as_ref(), "try again later or wait longer")
    )]
    WaitTimeout {
        /// The lock key, with the client's prefix.
        key: String,
        /// How long the call waited.
        waited: Duration,
        /// The last holder seen, if the server was asked at all.
        holder: Option<Holder>,
    },

    /// The lock was held and can no longer be proved to be ours: the lease ran out, or somebody
    /// deleted or replaced the key. Told when the release was answered, which shows what stands at
    /// the key; at the latest one command deadline after the body was dropped.
    #[error(
        "lock `{}` was lost, found: {}; check what the call has already done before you repeat it",
        .key.escape_debug(),
        found_text(.found.as_ref())
    )]
    Lost {
        /// The lock key, with the client's prefix.
        key: String,
        /// What stood at the key when we gave it up; `None` if no answer came.
        found: Option<Ownership>,
    },

    /// The store was asked and never told what it did. From an acquire: the body did not run, and a
    /// lock that was granted after all is given back, or expires with its ttl. From
    /// [`LockGuard::release`](crate::LockGuard::release): it is sent again until the ttl is over.
    #[error(
        "lock `{}` is indeterminate: {cause}; if it is held it is given back, or ends within one ttl: \
         try again",
        .key.escape_debug()
    )]
    Indeterminate {
        /// The lock key, with the client's prefix.
        key: String,
        /// The last thing the store said.
        cause: StoreError,
    },

    /// The store cannot be reached or refuses to serve. From an acquire: the body did not run. From
    /// a guard's `check`, `extend` or `release`: your code had run.
    #[error("{}: {cause}", failed_text(.key.as_deref()))]
    Backend {
        /// The lock key with the client's prefix; `None` if none was asked for yet.
        key: Option<String>,
        /// What failed, with a remedy.
        cause: StoreError,
    },

    /// A call that would wait for a lock was made inside the body of a call that holds it, through the
    /// same client: neither would ever go on. Nothing was sent.
    #[error(
        "waiting for lock `{}` would deadlock: `{function}`, inside of which the call was made, holds \
         it; call without the lock there, or take it once outside",
        .key.escape_debug()
    )]
    WouldDeadlock {
        /// The lock key, with the client's prefix.
        key: String,
        /// The function whose body holds it.
        function: &'static str,
    },

    /// So many calls of this client wait already that no more are let in. Nothing was sent.
    #[error(
        "lock `{}` has too many waiters: this client's `{setting}` is {limit}; refuse work earlier, or \
         raise it",
        .key.escape_debug()
    )]
    TooManyWaiters {
        /// The lock key, with the client's prefix.
        key: String,
        /// `max_waiters` or `max_waiters_per_key` of [`LockClientBuilder`](crate::LockClientBuilder).
        setting: &'static str,
        /// Its value.
        limit: usize,
    },

    /// No client is in scope.
    #[error(
        "no lock client for `{function}`: call `client.install()` once at start, wrap the call in \
         `client.scope(..)`, or name one with `client = ..`"
    )]
    NotInstalled {
        /// The function that wanted the lock.
        function: &'static str,
    },

    /// The rendered key is not usable. Nothing was sent.
    #[error("invalid lock key `{}`: {reason}", .key.escape_debug())]
    InvalidKey {
        /// The key as far as it was rendered.
        key: String,
        /// What is wrong with it and how to mend it.
        reason: String,
    },

    /// A setting cannot be used: an option out of range, a URL that cannot be read, a second
    /// [`install`](crate::LockClient::install). Nothing was sent.
    #[error("invalid lock options: {reason}")]
    InvalidOptions {
        /// Which one, of which lock where it is a call's, and the range it must lie in.
        reason: String,
    },

    /// The client is shutting down.
    #[error(
        "lock `{}` was not taken: the client is shut down; do not start new work after `shutdown`",
        .key.escape_debug()
    )]
    ShutDown {
        /// The lock key, with the client's prefix.
        key: String,
    },
}

impl LockError {
    /// Whether somebody else held the lock: [`LockError::Busy`] or [`LockError::WaitTimeout`].
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::WaitTimeout { .. })
    }

    /// One word for it, where it is counted or told of.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "busy",
            Self::WaitTimeout { .. } => "wait_timeout",
            Self::Lost { .. } => "lost",
            Self::Indeterminate { .. } => "indeterminate",
            Self::Backend { .. } => "backend",
            Self::WouldDeadlock { .. } => "would_deadlock",
            Self::TooManyWaiters { .. } => "too_many_waiters",
            Self::NotInstalled { .. } => "not_installed",
            Self::InvalidKey { .. } => "invalid_key",
            Self::InvalidOptions { .. } => "invalid_options",
            Self::ShutDown { .. } => "shut_down",
        }
    }

    pub(crate) fn backend(key: impl Into<String>, cause: StoreError) -> Self {
        Self::Backend {
            key: Some(key.into()),
            cause,
        }
    }

    pub(crate) fn options(reason: impl Into<String>) -> Self {
        Self::InvalidOptions {
            reason: reason.into(),
        }
    }

    /// The same for one lock: `whose` names it.
    pub(crate) fn with_options_of(self, whose: impl FnOnce() -> String) -> Self {
        match self {
            Self::InvalidOptions { reason } => Self::options(format!("{}: {reason}", whose())),
            other => other,
        }
    }
}

/// What kept a store from answering.
///
/// ```
/// use lock_runtime::{StoreError, StoreErrorKind};
///
/// let error = StoreError::new(StoreErrorKind::Unreachable, "no route to the table, see whether it is up");
/// assert_eq!(error.kind(), StoreErrorKind::Unreachable);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
}

/// What a [`StoreError`] means for the command: see there for an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// No answer in time: the command may have run, or may yet run.
    Timeout,
    /// The connection broke: the command may have run, or may yet run.
    Disconnected,
    /// No connection could be made: the command was not sent.
    Unreachable,
    /// The server refused for now (loading, busy with a script, failing over): it did not run.
    Unavailable,
    /// The server refused: the command did not run, and repeating it will not help.
    Refused,
    /// The command ran, but fewer replicas than [`acks`](crate::LockClientBuilder::acks) wants have
    /// acknowledged it, or the server would not wait for them.
    Unreplicated,
}

impl StoreError {
    /// An error that says what to do about it. The message must hold no secret.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The store cannot put one token in the place of another.
    pub(crate) fn no_swap() -> Self {
        let message = "this store hands no locks over";
        Self::new(StoreErrorKind::Refused, message)
    }

    /// No answer came in time.
    pub(crate) fn silent(waited: Duration) -> Self {
        let message =
            format!("no answer within {waited:?}, see whether the server is up and reachable");
        Self::new(StoreErrorKind::Timeout, message)
    }

    /// Answers came, but each after the lock they spoke of was over.
    pub(crate) fn late(ttl: Duration) -> Self {
        let message =
            format!("every answer came after the ttl of {ttl:?} was over, give it a longer one");
        Self::new(StoreErrorKind::Timeout, message)
    }

    /// The same, where the command in all likelihood was not sent.
    pub(crate) fn unsent(mut self) -> Self {
        self.kind = StoreErrorKind::Unreachable;
        self
    }

    /// The same for a command whose work is known: only its acknowledgement was refused.
    pub(crate) fn unreplicated(mut self) -> Self {
        if self.kind == StoreErrorKind::Refused {
            self.kind = StoreErrorKind::Unreplicated;
        }
        self
    }

    /// The same with the server that it is about.
    pub(crate) fn at(self, address: &str) -> Self {
        Self::new(self.kind, format!("at {address}: {}", self.message))
    }

    /// The same without its words if they repeat `secret`, as some servers do with what they refuse.
    pub(crate) fn without(self, secret: &str) -> Self {
        if !secret.is_empty() && self.message.contains(secret) {
            return self.withheld();
        }
        self
    }

    /// The same without its words, which repeat a password.
    pub(crate) fn withheld(self) -> Self {
        let message = "the server refused to let us in, with words that repeat the password; \
                       check user, password and server";
        Self::new(self.kind, message)
    }

    /// What it means for the command.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the command may have run all the same.
    pub(crate) fn is_ambiguous(&self) -> bool {
        matches!(
            self.kind,
            StoreErrorKind::Timeout | StoreErrorKind::Disconnected
        )
    }

    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self.kind,
            StoreErrorKind::Refused | StoreErrorKind::Unreplicated
        )
    }
}

fn seen(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "not seen yet".to_owned(), ToString::to_string)
}

/// Waiting does not help a call whose own caller holds the lock.
fn later(holder: Option<&Holder>, remedy: &str) -> String {
    if holder.is_some_and(Holder::is_here) {
        return format!(
            "by its host and number that is this process: if another of its tasks holds it, {remedy}; if the call \
             is made inside of one that holds it, it is never served: take the lock once, outside"
        );
    }
    remedy.to_owned()
}

fn failed_text(key: Option<&str>) -> String {
    key.map_or_else(
        || "cannot connect to the lock store".to_owned(),
        |key| format!("the store of lock `{}` failed", key.escape_debug()),
    )
}

fn found_text(found: Option<&Ownership>) -> String {
    match found {
        None => "no answer".to_owned(),
        Some(Ownership::Mine) => {
            "still our token, but past the deadline; where the work takes longer than its ttl, \
             lengthen `ttl` or add `renew`"
                .to_owned()
        }
        Some(Ownership::Free) => "no such key, as after its ttl or a `DEL`".to_owned(),
        Some(Ownership::Other(holder)) => holder.to_string(),
    }
}
