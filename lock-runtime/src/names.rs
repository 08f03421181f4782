//! What the names of keys on a server mean, for whoever looks at them from outside.

use crate::key::{LINE, RESERVED, fence_key, line_key};

/// The names that a client with a certain prefix gives to its keys on the server: for programs that look
/// at locks without taking any. `lock-inspect` is one.
///
/// ```
/// let names = lock_runtime::KeyNames::new("lock:");
/// assert_eq!(names.key_of(b"lock:order:42"), Some(&b"order:42"[..]));
/// assert_eq!(names.key_of(b"session:42"), None); // not under the prefix
/// assert_eq!(names.key_of(b"lock:fence:{lock:order:42}"), None); // belongs to a lock, and is none
/// assert_eq!(names.line("order:42").as_deref(), Some("lock:line:{lock:order:42}"));
/// assert_eq!(names.prefix(), "lock:");
/// assert_eq!(names.fence("order:42").as_deref(), Some("lock:fence:{lock:order:42}"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyNames {
    prefix: String,
}

impl KeyNames {
    /// Those of a client with this [`prefix`](crate::LockClientBuilder::prefix).
    #[must_use]
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
        }
    }

    /// What they begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The lock key whose name this is: the name without the prefix. `None` for a name that does not begin
    /// with the prefix, and for those that are kept beside a lock (its fence, its line of waiters).
    #[must_use]
    pub fn key_of<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        let key = name.strip_prefix(self.prefix.as_bytes())?;
        let beside = [RESERVED, LINE]
            .iter()
            .any(|reserved| key.starts_with(reserved.as_bytes()));
        (!beside).then_some(key)
    }

    /// The name of the fencing counter of a lock key, a string that holds the last
    /// [`FencingToken`](crate::FencingToken) drawn. `None` for keys that cannot have one because of their braces.
    #[must_use]
    pub fn fence(&self, key: &str) -> Option<String> {
        fence_key(&self.prefix, &[&self.prefix, key].concat()).ok()
    }

    /// The name of the line of waiters of a lock key, a sorted set whose members
    /// [`Head::read`](crate::Head::read) tells. `None` for keys that cannot have one because of their braces.
    #[must_use]
    pub fn line(&self, key: &str) -> Option<String> {
        line_key(&self.prefix, &[&self.prefix, key].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beside_a_lock_is_none() {
        for prefix in ["lock:", ""] {
            let names = KeyNames::new(prefix);
            for key in ["a", "{o:1}:x"] {
                for beside in [names.fence(key), names.line(key)] {
                    let beside = beside.expect("a key that may have one");
                    assert_eq!(names.key_of(beside.as_bytes()), None, "{beside}");
                }
                let name = format!("{prefix}{key}");
                assert_eq!(names.key_of(name.as_bytes()), Some(key.as_bytes()));
            }
            assert_eq!(names.line("a}{"), None);
        }
    }
}
