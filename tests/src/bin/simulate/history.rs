//! What happened, as text, and a digest of it.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

#[derive(Default)]
pub(crate) struct History {
    text: String,
    /// Tokens hold what differs between runs; here they are numbered as they appear.
    tokens: BTreeMap<String, usize>,
}

impl History {
    pub(crate) fn tell(&mut self, now: Duration, who: &str, what: fmt::Arguments<'_>) {
        let millis = now.as_millis();
        writeln!(self.text, "{millis:>5} {who:<8} {what}").expect("memory");
    }

    /// A short name for a token.
    pub(crate) fn name(&mut self, token: &str) -> String {
        if let Some(number) = self.tokens.get(token) {
            return format!("T{number}");
        }
        let number = self.tokens.len() + 1;
        self.tokens.insert(token.to_owned(), number);
        format!("T{number}")
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn digest(&self) -> u64 {
        digest(self.text.as_bytes())
    }
}

/// FNV-1a (Fowler, Noll and Vo), the same on every machine.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
