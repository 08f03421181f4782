//! How values become part of a lock key, and what a key may be.

use std::fmt::{self, Display, Write};

use crate::error::LockError;
use crate::percent;

/// Longest key with its prefix, in bytes.
pub(crate) const MAX_BYTES: usize = 512;

/// Room for a key of usual length.
const USUAL_BYTES: usize = 48;

/// Keys under this name belong to fencing counters and are nobody's lock.
pub(crate) const RESERVED: &str = "fence:";

/// Keys that begin so belong to the lines of waiters.
const LINE: &str = "line:{";

/// Encodes a value for use inside a lock key.
///
/// `%`, `:`, `{`, `}` and control characters become `%XX` (the bytes of their UTF-8 form), so a
/// value can neither reach beyond its place in the key nor choose a Cluster slot. Numbers, UUIDs
/// and plain words stay as they are. `#[distributed_lock]` does this to every placeholder; do it
/// yourself when you build a key by hand from what a user sent.
///
/// ```
/// let user = "eve:1";
/// assert_eq!(format!("order:{}", lock_runtime::encode(user)), "order:eve%3A1");
/// ```
#[must_use]
pub fn encode(value: impl Display) -> String {
    let mut encoded = String::new();
    push_encoded(&mut encoded, value);
    encoded
}

fn push_encoded(text: &mut String, value: impl Display) {
    // A Display that reports an error has written as much as it wanted to.
    let _ = write!(Encoder(text), "{value}");
}

struct Encoder<'a>(&'a mut String);

impl Write for Encoder<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            let special = matches!(c, '%' | ':' | '{' | '}') || c.is_control();
            percent::push(self.0, c, special);
        }
        Ok(())
    }
}

/// A key being rendered by generated code.
#[derive(Debug, Default)]
pub(crate) struct Key {
    text: String,
    empty: Option<&'static str>,
}

impl Key {
    /// Appends a part of the template as it is.
    pub(crate) fn literal(&mut self, text: &'static str) {
        self.make_room();
        self.text.push_str(text);
    }

    fn make_room(&mut self) {
        if self.text.is_empty() {
            self.text.reserve(USUAL_BYTES);
        }
    }

    /// Appends the encoded value of the placeholder `name`.
    pub(crate) fn value<V: Display + ?Sized>(&mut self, name: &'static str, value: &V) {
        self.make_room();
        let before = self.text.len();
        push_encoded(&mut self.text, value);
        if self.text.len() == before {
            self.empty.get_or_insert(name);
        }
    }

    /// The rendered text, or the complaint about an empty value.
    pub(crate) fn finish(self) -> Result<String, LockError> {
        match self.empty {
            None => Ok(self.text),
            Some(name) => Err(LockError::InvalidKey {
                key: self.text,
                reason: format!("the value of `<{name}>` is empty; refuse it before the call"),
            }),
        }
    }
}

/// The key as it goes over the wire, if it may.
pub(crate) fn prefixed(prefix: &str, key: &str) -> Result<String, LockError> {
    let full = [prefix, key].concat();
    let refuse = |reason: String| {
        let mut shown: String = full.chars().take(80).collect();
        if shown.len() < full.len() {
            shown.push('…');
        }
        Err(LockError::InvalidKey { key: shown, reason })
    };
    if key.is_empty() {
        return refuse("it is empty; name what is locked, such as `order:42`".to_owned());
    }
    if let Some(reserved) = [RESERVED, LINE]
        .into_iter()
        .find(|name| key.starts_with(name))
    {
        return refuse(format!(
            "names under `{reserved}` are reserved; choose another name"
        ));
    }
    if full.len() > MAX_BYTES {
        return refuse(format!(
            "it has {} bytes with its prefix, at most {MAX_BYTES} are allowed; lock on a short id",
            full.len()
        ));
    }
    Ok(full)
}

/// A name for what belongs to the lock `full`, in the same Cluster slot, which is that of the first
/// `{…}` if that is not empty, else that of the whole key. None for keys whose braces leave no way to
/// say so.
fn beside(prefix: &str, name: &str, full: &str) -> Option<String> {
    if !full.bytes().any(|byte| matches!(byte, b'{' | b'}')) {
        let mut beside = String::with_capacity(prefix.len() + name.len() + full.len() + 3);
        for part in [prefix, name, ":{", full, "}"] {
            beside.push_str(part);
        }
        return Some(beside);
    }
    let (_, rest) = full.split_once('{')?;
    let (tag, _) = rest.split_once('}')?;
    (!tag.is_empty()).then(|| [prefix, name, ":{", tag, "}:", full].concat())
}

/// The key of the fencing counter of the lock `full`.
pub(crate) fn fence_key(prefix: &str, full: &str) -> Result<String, LockError> {
    beside(prefix, "fence", full).ok_or_else(|| LockError::InvalidKey {
        key: full.to_owned(),
        reason: "a fenced lock needs a key without braces, or with one hash tag such as \
                 `{order:42}:x`: its fence must lie in the same Cluster slot"
            .to_owned(),
    })
}

/// The key of the line of the lock `full`. A lock without one is waited for by polls.
pub(crate) fn line_key(prefix: &str, full: &str) -> Option<String> {
    beside(prefix, "line", full)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(user: &str, item: &str) -> String {
        let mut key = Key::default();
        key.literal("order:");
        key.value("user", user);
        key.literal("-:");
        key.value("item", item);
        key.literal("-x");
        key.text
    }

    #[test]
    fn plain_values_stay_as_they_are() {
        assert_eq!(encode(42), "42");
        assert_eq!(encode(-1.5), "-1.5");
        assert_eq!(encode("käse brot"), "käse brot");
    }

    #[test]
    fn special_characters_are_encoded() {
        assert_eq!(encode("%:{}"), "%25%3A%7B%7D");
        assert_eq!(encode("a\n\u{85}"), "a%0A%C2%85");
    }

    #[test]
    fn an_empty_value_names_its_placeholder() {
        let mut key = Key::default();
        key.literal("order:");
        key.value("user_id", "");
        let error = key.finish().expect_err("empty");
        assert!(
            error.to_string().contains("`<user_id>` is empty"),
            "{error}"
        );
    }

    #[test]
    fn the_cap_counts_the_prefix() {
        assert!(prefixed("lock:", &"x".repeat(MAX_BYTES - 5)).is_ok());
        assert!(prefixed("lock:", &"x".repeat(MAX_BYTES - 4)).is_err());
        assert!(prefixed("lock:", "").is_err());
        assert!(prefixed("", "fence:a").is_err());
    }

    #[test]
    fn the_fence_lies_in_the_slot_of_its_lock() {
        let fence = |key| fence_key("lock:", key);
        let key = |key| fence(key).expect("a key with a fence");
        assert_eq!(key("lock:order:42"), "lock:fence:{lock:order:42}");
        assert_eq!(key("lock:{o:1}:x"), "lock:fence:{o:1}:lock:{o:1}:x");
        assert_eq!(key("lock:a}{b}"), "lock:fence:{b}:lock:a}{b}");
        for braces in ["lock:{}a", "lock:a}b", "lock:a{b", "lock:{}{a}"] {
            assert!(fence(braces).is_err(), "{braces}");
        }
    }

    proptest! {
        #[test]
        fn two_different_tuples_never_render_alike(
            a in "[-:{}%a-c\u{0}-\u{1f}]{0,6}", b in "[-:{}%a-c]{0,6}",
            c in "[-:{}%a-c\u{0}-\u{1f}]{0,6}", d in "[-:{}%a-c]{0,6}",
        ) {
            prop_assert_eq!(order(&a, &b) == order(&c, &d), (a, b) == (c, d));
        }

        #[test]
        fn no_value_brings_a_separator_or_a_brace(value in any::<String>()) {
            let foreign = |c: char| matches!(c, ':' | '{' | '}') || c.is_control();
            prop_assert!(!encode(value).chars().any(foreign));
        }
    }
}
