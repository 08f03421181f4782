//! The place of a head in the line of its key, and from when a lock that is passed on to it counts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::lease::trusted;
use crate::store::{Head, Listener, Position};
use crate::token::LockToken;

/// One token's place in line.
pub(crate) struct Standing {
    pub(crate) head: Head,
    listener: Box<dyn Listener>,
    address: Option<Arc<str>>,
    since: Since,
    pub(crate) first: bool,
}

/// When the token was last seen not to hold the lock. What is passed on to it was passed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// It has not been answered yet.
    Unknown,
    /// At the sending of a command whose answer showed that it stood in line.
    Sure(Instant),
    /// It may have been passed a lock and have lost it again, whose news is still under way: it has to
    /// ask first, whatever it is told. For good.
    Unsure,
}

impl Since {
    fn answered(self, sent: Instant, position: Position) -> Self {
        match (self, position.joined_now) {
            (Self::Unknown, true) | (Self::Sure(_), false) => Self::Sure(sent),
            _ => Self::Unsure,
        }
    }
}

/// A command of a head that is under way. Without an answer nothing is sure any more.
pub(crate) struct Asked {
    before: Since,
    sent: Instant,
}

impl Standing {
    pub(crate) fn new(token: &LockToken, claim: Duration, listener: Box<dyn Listener>) -> Self {
        let address = listener.address();
        Self {
            head: Head::new(token, claim, address.as_deref()),
            listener,
            address,
            since: Since::Unknown,
            first: false,
        }
    }

    /// Must be called before the command's first poll.
    pub(crate) fn asking(&mut self) -> Asked {
        let before = std::mem::replace(&mut self.since, Since::Unsure);
        let sent = Instant::now();
        Asked { before, sent }
    }

    pub(crate) fn answered(&mut self, asked: &Asked, position: Position) {
        self.since = asked.before.answered(asked.sent, position);
        self.first = position.first;
    }

    pub(crate) fn listener(&self) -> &dyn Listener {
        &*self.listener
    }

    /// Whether it is told whose turn it is.
    pub(crate) fn is_told(&self) -> bool {
        self.address.is_some()
    }

    /// Whether it would be told in another way, or not at all, if it joined now.
    pub(crate) fn is_outdated(&self) -> bool {
        self.listener.address() != self.address
    }

    /// From when a lock counts that is passed on to it, if that is sure.
    pub(crate) fn since(&self) -> Option<Instant> {
        match self.since {
            Since::Sure(since) => Some(since),
            _ => None,
        }
    }

    /// Until when such a lock may be trusted.
    pub(crate) fn trusted(&self, since: Instant) -> Instant {
        since + trusted(self.head.claim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unsure_stays_so() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let position = |joined_now| Position {
            joined_now,
            first: false,
        };
        let sure = Since::Unknown.answered(now, position(true));
        assert_eq!(sure, Since::Sure(now));
        assert_eq!(sure.answered(later, position(false)), Since::Sure(later));
        let unsure = sure.answered(later, position(true));
        assert_eq!(unsure, Since::Unsure);
        assert_eq!(unsure.answered(later, position(false)), Since::Unsure);
        assert_eq!(unsure.answered(later, position(true)), Since::Unsure);
        let found = Since::Unknown.answered(now, position(false));
        assert_eq!(found, Since::Unsure);
    }
}
