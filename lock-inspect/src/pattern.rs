//! Which keys are asked for.

use crate::shown::{shown, unescape};

/// The rule, for `--help`; the README says the same.
pub(crate) const RULE: &str = "\
PATTERN is matched on the server with the key, which is without the prefix:
  order       a key that contains it
  'order:*'   the whole key, if there is a `*`, a `?` (any byte; `é` has two), `[ab]`, `[0-9]`
              or `[^a]` (one of these, none of these). Quoted, for the shell knows them, too
  'a\\*'       a backslash before such a sign: the sign itself. All else as keys are printed";

/// A part of keys, or a pattern for the whole of them.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    glob: Vec<u8>,
    words: String,
}

impl Pattern {
    /// As it is given: `*`, `?` and `[…]` mean what they mean to SCAN.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // Not repeated, for it may hold a password. In values of keys a `:` is encoded.
        if text.contains("://") {
            return Err("that is a server; give it by --url or in REDIS_URL".to_owned());
        }
        let mut glob = Vec::with_capacity(text.len());
        let (mut is_part, mut is_open) = (true, false);
        let mut rest = text;
        while let Some(at) = rest.find(['*', '?', '[', ']', '\\']) {
            let (plain, signs) = rest.split_at(at);
            let (sign, after) = signs.split_at(1);
            glob.extend_from_slice(plain.as_bytes());
            rest = after;
            if sign == "\\" {
                let mut bytes = Vec::new();
                if let Some(after) = rest.strip_prefix(['*', '?', '[', ']', '^', '-']) {
                    bytes.push(rest.as_bytes()[0]);
                    rest = after;
                } else {
                    rest = unescape(rest, &mut bytes).ok_or(
                        "it has a backslash that means nothing; a backslash itself is `\\\\`",
                    )?;
                }
                glob.extend(literally(&bytes));
            } else {
                glob.extend_from_slice(sign.as_bytes());
                is_part &= sign == "]";
                is_open = sign == "[" || is_open && sign != "]";
            }
        }
        if is_open {
            return Err("a `[` is not closed; the sign itself is `\\[`".to_owned());
        }
        glob.extend_from_slice(rest.as_bytes());
        if is_part {
            glob = [b"*", glob.as_slice(), b"*"].concat();
        }
        let words: Vec<_> = text
            .split('\\')
            .map(|part| shown(part.as_bytes()))
            .collect();
        Ok(Self {
            glob,
            words: words.join("\\"),
        })
    }

    /// For SCAN.
    pub(crate) fn glob(&self) -> &[u8] {
        &self.glob
    }

    /// As it was given, on one line.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }
}

/// Bytes as a pattern that matches nothing but themselves.
pub(crate) fn literally(bytes: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if b"*?[]^-\\".contains(byte) {
            pattern.push(b'\\');
        }
        pattern.push(*byte);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(text: &str) -> Result<String, String> {
        let glob = Pattern::parse(text)?.glob;
        Ok(String::from_utf8(glob).expect("text"))
    }

    #[test]
    fn a_prefix_is_no_pattern() {
        assert_eq!(literally(b"lock:"), b"lock:");
        assert_eq!(literally(b"a[b-]*?\\^"), br"a\[b\-\]\*\?\\\^");
    }

    #[test]
    fn signs_make_a_pattern_and_words_a_part() {
        for (text, wanted) in [
            ("order", "*order*"),
            ("", "**"),
            ("order:*", "order:*"),
            ("?", "?"),
            ("[a-c]]x", "[a-c]]x"),
            ("[[]", "[[]"),
            (r"a\*", r"*a\**"),
            (r"[\]\-]*", r"[\]\-]*"),
            (r"\\\n\u{2a}\x3f", "*\\\\\n\\*\\?*"),
            ("注]", "*注]*"),
        ] {
            assert_eq!(glob(text).as_deref(), Ok(wanted), "{text}");
        }
        for text in [
            "redis://h",
            " VALKEYS://h",
            "redis+unix:///a",
            "\\",
            r"\q",
            "a[",
            "[a\\]",
            "*[^",
        ] {
            assert!(glob(text).is_err(), "{text}");
        }
        assert_eq!(
            Pattern::parse("a\\*\u{1b}").expect("read").words(),
            r"a\*\u{1b}"
        );
    }
}
