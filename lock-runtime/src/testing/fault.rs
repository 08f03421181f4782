//! Commands, and what may become of them.

use std::time::Duration;

use tokio::time::Instant;

/// What a client asks of its store: see [`LockDouble`](super::LockDouble) for an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Command {
    /// Taking a lock, with a fencing token or without.
    Acquire,
    /// Giving it back: compare-and-delete, or what shortens it to its `min_hold`.
    Release,
    /// Giving it back to the next in line: the waiter's token takes the place of the holder's.
    HandOver,
    /// Giving a lease its whole ttl again, as a renewal does.
    Extend,
    /// Looking who holds a key: after a command without an answer, by `check`, by a waiter.
    Inspect,
    /// Waiting for the replicas that a client with `acks` demands. It names no key.
    Acknowledge,
}

impl Command {
    /// This command, for one lock key only (without the client's prefix).
    #[must_use]
    pub fn of(self, key: impl Into<String>) -> Commands {
        Commands {
            command: self,
            key: Some(key.into()),
        }
    }
}

/// Which commands are meant: a [`Command`] for every key, or that of one key by [`Command::of`].
///
/// ```
/// use lock_runtime::testing::{Command, Commands};
///
/// let every: Commands = Command::Release.into();
/// assert_ne!(every, Command::Release.of("order:42"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    command: Command,
    key: Option<String>,
}

impl From<Command> for Commands {
    fn from(command: Command) -> Self {
        Self { command, key: None }
    }
}

impl Commands {
    pub(super) fn mean(&self, command: Command, key: &str) -> bool {
        self.command == command && self.key.as_ref().is_none_or(|own| own == key)
    }
}

/// What happens to one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing: it runs and is answered. For sequences, such as a third renewal that fails.
    None,
    /// It runs; its reply gets lost.
    NoReply,
    /// It gets lost on the way, and nobody says so.
    Swallow,
    /// It is held up for so long, and with it all that is sent behind it on its connection; then it
    /// runs, whether or not anybody still waits for it.
    Delay(Duration),
    /// It arrives twice, and the second answer comes back.
    Twice,
    /// Its connection breaks before it arrives.
    Break,
    /// It runs; then its connection breaks instead of a reply.
    BreakAfter,
    /// No connection can be made for it: it is not sent, and the client knows.
    Unreachable,
    /// The server refuses it for the moment, as while it loads its data.
    NotNow,
    /// The server refuses it for good, as for want of a permission.
    Refuse,
}

/// A command that a client has sent. See [`LockDouble`](super::LockDouble) for an example.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// Which.
    pub command: Command,
    /// The lock key, without the prefix of the double's client.
    pub key: String,
    /// When it was sent, by tokio's clock.
    pub at: Instant,
    /// What became of it on the way.
    pub fault: Fault,
}
