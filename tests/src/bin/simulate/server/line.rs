//! The lines of heads that wait for a lock.

use std::collections::BTreeMap;
use std::time::Duration;

use super::keyspace::By;

/// What the names of lines begin with.
const LINES: &str = "lock:line:";

/// An entry as its head wrote it: how long a lock that is passed on lasts, where its head is told, and
/// its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) claim: u64,
    /// Without one its head looks by itself.
    pub(crate) address: Option<&'a str>,
    pub(crate) token: &'a str,
}

impl<'a> Entry<'a> {
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (claim, rest) = text.split_once(':')?;
        let (length, rest) = rest.split_once(':')?;
        let (address, token) = rest.split_at_checked(length.parse().ok()?)?;
        Some(Self {
            claim: claim.parse().ok()?,
            address: Some(address).filter(|address| !address.is_empty()),
            token,
        })
    }
}

/// All lines, by their keys.
#[derive(Default)]
pub(crate) struct Lines(BTreeMap<String, Line>);

#[derive(Default)]
struct Line {
    heads: Vec<Head>,
    expires: Duration,
}

#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) entry: String,
    pub(crate) by: By,
    since: Duration,
}

impl Lines {
    pub(crate) fn is_line(key: &str) -> bool {
        key.starts_with(LINES)
    }

    pub(crate) fn len(&self, key: &str) -> i64 {
        let heads = self.0.get(key).map_or(0, |line| line.heads.len());
        i64::try_from(heads).unwrap_or(i64::MAX)
    }

    pub(crate) fn first(&self, key: &str) -> Option<&Head> {
        self.0.get(key)?.heads.first()
    }

    pub(crate) fn is_first(&self, key: &str, entry: &str) -> bool {
        self.first(key).is_some_and(|first| first.entry == entry)
    }

    /// 1: joined now, 0: stood there.
    pub(crate) fn stand(
        &mut self,
        key: &str,
        entry: &str,
        limit: u64,
        now: Duration,
        by: By,
    ) -> i64 {
        let line = self.0.entry(key.to_owned()).or_default();
        line.expires = line.expires.max(now + Duration::from_millis(limit));
        if line.heads.iter().any(|head| head.entry == entry) {
            return 0;
        }
        line.heads.push(Head {
            entry: entry.to_owned(),
            by,
            since: now,
        });
        1
    }

    pub(crate) fn leave(&mut self, key: &str, entry: &str) {
        if let Some(line) = self.0.get_mut(key) {
            line.heads.retain(|head| head.entry != entry);
            if line.heads.is_empty() {
                self.0.remove(key);
            }
        }
    }

    /// Gives the names of lines that are over by now.
    pub(crate) fn expire(&mut self, now: Duration) -> Vec<String> {
        let over = self.0.extract_if(.., |_, line| line.expires <= now);
        over.map(|(key, _)| key).collect()
    }

    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// Who has come into a line since then, and stands there still.
    pub(crate) fn joined_since(&self, since: Duration) -> impl Iterator<Item = &Head> {
        let heads = self.0.values().flat_map(|line| &line.heads);
        heads.filter(move |head| head.since >= since)
    }

    /// When the last of them ends.
    pub(crate) fn end(&self) -> Option<Duration> {
        self.0.values().map(|line| line.expires).max()
    }
}
