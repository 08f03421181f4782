//! A lock's key as a call has it: looked up in several maps, and hashed once.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// What belongs to keys.
pub(crate) type ByKey<V> = HashMap<LockKey, V, BuildHasherDefault<Known>>;

/// Keys come from users, who could choose such as collide: their hashes are not to be foreseen.
static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The key as it goes over the wire.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct LockKey {
    hash: u64,
    text: Arc<str>,
}

impl LockKey {
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl From<String> for LockKey {
    fn from(text: String) -> Self {
        Self {
            hash: HASHES.hash_one(&text),
            text: text.into(),
        }
    }
}

impl Deref for LockKey {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for LockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl Hash for LockKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Takes the hash of a [`LockKey`] as it is.
#[derive(Default)]
pub(crate) struct Known(u64);

impl Hasher for Known {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    /// For other types, which do not come here.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_the_same_key() {
        let key = |text: &str| LockKey::from(text.to_owned());
        let all: ByKey<u32> = [(key("lock:a"), 1), (key("lock:b"), 2)]
            .into_iter()
            .collect();
        assert_eq!(all.get(&key("lock:a")), Some(&1));
        assert_eq!(all.get(&key("lock:b")), Some(&2));
        assert!(!all.contains_key(&key("lock:c")));
    }
}
