//! What stands at a lock's key.

use std::time::Duration;

use lock_runtime::{Holder, Owner};

use crate::length::short;
use crate::shown::shown;

/// Longer than any token. More of a stranger's value is not asked for: it may have half a gigabyte.
pub(crate) const VALUE_BYTES: usize = 1024;

/// A key under the prefix, as it was seen at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Lock {
    /// Without the prefix.
    pub(crate) key: Vec<u8>,
    /// The beginning of the value, all of it if it could be a token.
    pub(crate) value: Vec<u8>,
    pub(crate) holder: Holder,
    /// What else it is, where it is no string.
    pub(crate) other_type: Option<String>,
    /// `None`: it never expires.
    pub(crate) remaining: Option<Duration>,
    /// When it was seen, by the server's clock, since the Unix epoch.
    pub(crate) seen: Duration,
}

impl Lock {
    pub(crate) fn owner(&self) -> Option<&Owner> {
        match &self.holder {
            Holder::Owner(owner) => Some(owner),
            _ => None,
        }
    }

    /// How long ago its holder asked for it: its wall clock against the server's. Time spent in line
    /// counts where a lock was passed on from another process.
    pub(crate) fn age(&self) -> Option<Duration> {
        let owner = self.owner()?;
        Some(self.seen.saturating_sub(owner.taken))
    }

    /// When it expires, by the server's clock.
    pub(crate) fn expires(&self) -> Option<Duration> {
        self.remaining.map(|left| self.seen.saturating_add(left))
    }

    /// Whether the value is longer than any token, and only its beginning was read.
    pub(crate) fn is_cut(&self) -> bool {
        self.value.len() >= VALUE_BYTES
    }

    /// The key as people read it, and as `show` and `release` take it.
    pub(crate) fn name(&self) -> String {
        shown(&self.key)
    }

    /// Who holds it, in some words.
    pub(crate) fn held_by(&self) -> String {
        match (&self.holder, &self.other_type) {
            (Holder::Owner(owner), _) => {
                let (function, host) = (&owner.function, &owner.host);
                let words = format!("{function} on {host} pid {}", owner.pid);
                shown(words.as_bytes())
            }
            (_, Some(kind)) => format!("foreign: a {}", shown(kind.as_bytes())),
            (Holder::Foreign(preview), None) => format!("foreign: \"{preview}\""),
            _ => "foreign".to_owned(),
        }
    }

    /// The time that is left, or that there is no end.
    pub(crate) fn left(&self) -> String {
        self.remaining.map_or("no expiry".to_owned(), short)
    }
}

/// Locks for the tests of what is said about them.
#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// A lock of this library, so old and with so much left, in milliseconds.
    pub(crate) fn ours(age: u64, left: u64, ttl: u64, hold: u64) -> Lock {
        let taken = 1_800_000_000_000;
        let id = "0123456789abcdef0123456789abcdef";
        let value = format!("{id}|web-1|4711|place_order|{taken}|{ttl}|{hold}");
        Lock {
            key: b"order:42".to_vec(),
            holder: Holder::parse(value.as_bytes()),
            value: value.into_bytes(),
            other_type: None,
            remaining: Some(Duration::from_millis(left)),
            seen: Duration::from_millis(taken + age),
        }
    }

    /// Another program's lock.
    pub(crate) fn foreign(left: Option<u64>) -> Lock {
        Lock {
            holder: Holder::parse(b"1"),
            value: b"1".to_vec(),
            remaining: left.map(Duration::from_millis),
            ..ours(0, 0, 0, 0)
        }
    }
}
