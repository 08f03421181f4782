//! What the server stores, and a record of when each token stood at its key.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::resp::Reply;
use super::script::Script;

const FENCES: &str = "lock:fence:";
const NO_SCRIPT: Reply = Reply::Error("NOSCRIPT No matching script. Please use EVAL.");
const UNKNOWN: Reply = Reply::Error("ERR unknown command or arguments");
/// The server's wall clock when a run begins, in µs.
const EPOCH: u64 = 1_700_000_000_000_000;

#[derive(Default)]
pub(crate) struct Keyspace {
    /// Whether it has DELIFEQ and SET with IFEQ, as newer servers do.
    native: bool,
    entries: BTreeMap<String, Entry>,
    /// By token.
    spans: BTreeMap<String, Spans>,
    /// The newest fence that each lock key was taken with, whatever the server has forgotten.
    fences: BTreeMap<String, u64>,
    scripts: BTreeMap<String, Script>,
    /// Tokens whose release found something else or nothing.
    refused: BTreeSet<String>,
    wrongs: Vec<String>,
    /// Locks that changed hands without having been free.
    pub(crate) handed_over: usize,
}

struct Entry {
    value: String,
    expires: Option<Duration>,
    since: Duration,
    owner: &'static str,
}

pub(crate) type Spans = Vec<Span>;

/// A token stood at its key.
pub(crate) struct Span {
    pub(crate) from: Duration,
    pub(crate) to: Option<Duration>,
    forgotten: bool,
}

impl Keyspace {
    pub(crate) fn new(native: bool) -> Self {
        Self {
            native,
            ..Self::default()
        }
    }

    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        Some(&self.entries.get(key)?.value)
    }

    pub(crate) fn holds(&self, key: &str, token: &str) -> bool {
        self.value(key) == Some(token)
    }

    pub(crate) fn spans(&self, token: &str) -> &Spans {
        const NONE: &Spans = &Vec::new();
        self.spans.get(token).unwrap_or(NONE)
    }

    /// When the server forgot `token` with all its data, if it did.
    pub(crate) fn lost_at(&self, token: &str) -> Option<Duration> {
        let last = self.spans(token).last()?;
        last.to.filter(|_| last.forgotten)
    }

    /// The same, up to a moment.
    pub(crate) fn lost_within(&self, token: &str, until: Duration) -> bool {
        let mut spans = self.spans(token).iter();
        spans.any(|span| span.forgotten && span.to.is_some_and(|end| end <= until))
    }

    pub(crate) fn refused(&self, token: &str) -> bool {
        self.refused.contains(token)
    }

    /// Lock keys, and since when they hold what they hold.
    pub(crate) fn locks(&self) -> impl Iterator<Item = (&str, Duration)> {
        let locks = self.entries.iter();
        let locks = locks.filter(|(key, _)| !key.starts_with(FENCES));
        locks.map(|(key, entry)| (key.as_str(), entry.since))
    }

    /// What the server itself saw that must not be, since the last time it was asked.
    pub(crate) fn wrongs(&mut self) -> Vec<String> {
        std::mem::take(&mut self.wrongs)
    }

    /// Removes what is over by now, and gives its keys and tokens.
    pub(crate) fn expire(&mut self, now: Duration) -> Vec<(String, String)> {
        let over = |entry: &Entry| entry.expires.is_some_and(|expires| expires <= now);
        let over = self.entries.iter().filter(|(_, entry)| over(entry));
        let over: Vec<_> = over
            .map(|(key, entry)| (key.clone(), entry.value.clone()))
            .collect();
        for (key, _) in &over {
            self.remove(key, now, false);
        }
        over
    }

    /// The server starts without its data.
    pub(crate) fn forget(&mut self, now: Duration) {
        let keys: Vec<_> = self.entries.keys().cloned().collect();
        for key in keys {
            self.remove(&key, now, true);
        }
    }

    pub(crate) fn forget_scripts(&mut self) {
        self.scripts.clear();
    }

    fn remove(&mut self, key: &str, now: Duration, forgotten: bool) {
        let Some(entry) = self.entries.remove(key) else {
            return;
        };
        let spans = self.spans.get_mut(&entry.value);
        if let Some(span) = spans.and_then(|spans| spans.last_mut()) {
            span.to = Some(now);
            span.forgotten = forgotten;
        }
    }

    fn store(
        &mut self,
        key: &str,
        value: &str,
        ttl: Option<u64>,
        now: Duration,
        owner: &'static str,
    ) {
        self.remove(key, now, false);
        if ttl.is_none() {
            self.wrongs.push(format!("{key} was stored without a ttl"));
        }
        if !key.starts_with(FENCES) {
            let spans = self.spans.entry(value.to_owned()).or_default();
            spans.push(Span {
                from: now,
                to: None,
                forgotten: false,
            });
        }
        let entry = Entry {
            value: value.to_owned(),
            expires: ttl.map(|ttl| now + Duration::from_millis(ttl)),
            since: now,
            owner,
        };
        self.entries.insert(key.to_owned(), entry);
    }

    fn live_for(&mut self, key: &str, ttl: u64, now: Duration) -> Reply {
        let Some(entry) = self.entries.get_mut(key) else {
            return Reply::Number(0);
        };
        entry.expires = Some(now + Duration::from_millis(ttl));
        Reply::Number(1)
    }

    fn text(&self, key: &str) -> Reply {
        self.value(key)
            .map_or(Reply::Nil, |value| Reply::Text(value.to_owned()))
    }

    /// Runs a command of the client `by`.
    pub(crate) fn run(&mut self, command: &[String], now: Duration, by: &'static str) -> Reply {
        self.expire(now);
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["GET", key] => self.text(key),
            ["PTTL", key] => match self.entries.get(*key).map(|entry| entry.expires) {
                None => Reply::Number(-2),
                Some(None) => Reply::Number(-1),
                Some(Some(at)) => {
                    Reply::Number(i64::try_from(at.saturating_sub(now).as_millis()).unwrap_or(0))
                }
            },
            ["SET", key, token, "NX", "GET", "PX", ttl] => match (self.text(key), ttl.parse()) {
                (Reply::Nil, Ok(ttl)) => {
                    self.store(key, token, Some(ttl), now, by);
                    Reply::Nil
                }
                (found, Ok(_)) => found,
                (_, Err(_)) => UNKNOWN,
            },
            ["SET", key, token, "IFEQ", held, "PX", ttl] if self.native => match ttl.parse() {
                Ok(ttl) if token == held && self.holds(key, held) => {
                    self.live_for(key, ttl, now);
                    Reply::Simple("OK")
                }
                Ok(_) => Reply::Nil,
                Err(_) => UNKNOWN,
            },
            ["DELIFEQ", key, token] if self.native => {
                Reply::Number(self.release(key, token, now).max(0))
            }
            // Not the client's way; whoever does it must not hit somebody else.
            ["DEL", key] => {
                let owner = self.entries.get(*key).map(|entry| entry.owner);
                if let Some(owner) = owner.filter(|owner| *owner != by) {
                    self.wrongs
                        .push(format!("{by} deleted {key}, which is {owner}'s"));
                }
                self.remove(key, now, false);
                Reply::Number(i64::from(owner.is_some()))
            }
            ["EVALSHA", hash, rest @ ..] => match self.scripts.get(*hash) {
                Some(script) => self.script(*script, rest, now, by),
                None => NO_SCRIPT,
            },
            ["EVAL", text, rest @ ..] => {
                let Some(script) = Script::read(text) else {
                    self.wrongs
                        .push("a script that the server does not know".to_owned());
                    return UNKNOWN;
                };
                let hash = redis::Script::new(text).get_hash().to_owned();
                self.scripts.insert(hash, script);
                self.script(script, rest, now, by)
            }
            ["CLIENT", ..] => Reply::Simple("OK"),
            ["WAIT", ..] => Reply::Number(0),
            _ => UNKNOWN,
        }
    }

    fn script(&mut self, script: Script, words: &[&str], now: Duration, by: &'static str) -> Reply {
        match (script, words) {
            (Script::Acquire, ["1", key, token, ttl]) => match (self.text(key), ttl.parse()) {
                (Reply::Nil, Ok(ttl)) => {
                    self.store(key, token, Some(ttl), now, by);
                    Reply::Nil
                }
                (found, Ok(_)) => found,
                (_, Err(_)) => UNKNOWN,
            },
            (Script::AcquireFenced, ["2", key, fence_key, token, ttl]) => match ttl.parse() {
                Ok(ttl) => self.fenced(key, fence_key, token, ttl, now, by),
                Err(_) => UNKNOWN,
            },
            (Script::Swap, ["1", key, old, new, ttl]) => {
                match (self.swappable(key, old, new), ttl.parse()) {
                    (_, Err(_)) => UNKNOWN,
                    (1, Ok(ttl)) => {
                        self.store(key, new, Some(ttl), now, by);
                        Reply::Number(1)
                    }
                    (code, Ok(_)) => Reply::Number(code),
                }
            }
            (Script::SwapFenced, ["2", key, fence_key, old, new, ttl]) => {
                match (self.swappable(key, old, new), ttl.parse()) {
                    (_, Err(_)) => UNKNOWN,
                    (1, Ok(ttl)) => {
                        self.remove(key, now, false);
                        self.fenced(key, fence_key, new, ttl, now, by)
                    }
                    (2, Ok(ttl)) => self.fenced(key, fence_key, new, ttl, now, by),
                    (code, Ok(_)) => Reply::Number(code),
                }
            }
            (Script::Release, ["1", key, token]) => Reply::Number(self.release(key, token, now)),
            (Script::Extend, ["1", key, token, ttl]) => match (self.value(key), ttl.parse()) {
                (Some(held), Ok(ttl)) if held == *token => self.live_for(key, ttl, now),
                (_, Ok(_)) => Reply::Number(0),
                (_, Err(_)) => UNKNOWN,
            },
            _ => UNKNOWN,
        }
    }

    /// What a swap of `old` by `new` finds; 1: it swaps.
    fn swappable(&mut self, key: &str, old: &str, new: &str) -> i64 {
        let code = match self.value(key) {
            None => 0,
            Some(held) if held == new => 2,
            Some(held) if held == old => 1,
            Some(_) => -1,
        };
        if code < 1 {
            self.refused.insert(old.to_owned());
        }
        self.handed_over += usize::from(code == 1);
        code
    }

    fn release(&mut self, key: &str, token: &str, now: Duration) -> i64 {
        let code = match self.value(key) {
            None => 0,
            Some(held) if held != token => -1,
            Some(_) => 1,
        };
        if code == 1 {
            self.remove(key, now, false);
        } else {
            self.refused.insert(token.to_owned());
        }
        code
    }

    fn fenced(
        &mut self,
        key: &str,
        fence_key: &str,
        token: &str,
        ttl: u64,
        now: Duration,
        by: &'static str,
    ) -> Reply {
        let held = self.value(key).map(str::to_owned);
        if let Some(held) = held.as_ref().filter(|held| *held != token) {
            return Reply::Text(held.clone());
        }
        let last = self
            .value(fence_key)
            .and_then(|last| last.parse::<u64>().ok());
        if let (Some(_), Some(last)) = (&held, last) {
            return Reply::Pair(0, last.to_string());
        }
        let clock = EPOCH + u64::try_from(now.as_micros()).unwrap_or(0);
        let fence = clock.max(last.map_or(0, |last| last + 1));
        self.store(fence_key, &fence.to_string(), Some(86_400_000), now, by);
        if held.is_some() {
            return Reply::Pair(0, fence.to_string());
        }
        let newest = self.fences.insert(key.to_owned(), fence);
        if let Some(newest) = newest.filter(|newest| *newest >= fence) {
            self.wrongs
                .push(format!("fence {fence} of {key} comes after {newest}"));
        }
        self.store(key, token, Some(ttl), now, by);
        Reply::Pair(1, fence.to_string())
    }
}
