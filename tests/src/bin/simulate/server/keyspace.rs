//! What the server stores, and a record of when each token stood at its key.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::line::Lines;
use super::news::News;
use super::resp::Reply;
use super::rights::{DENIED, Denied, Right};
use super::script::Script;

const FENCES: &str = "lock:fence:";
const NO_SCRIPT: Reply = Reply::Error("NOSCRIPT No matching script. Please use EVAL.");
pub(super) const UNKNOWN: Reply = Reply::Error("ERR unknown command or arguments");

/// Who sent a command.
#[derive(Clone, Copy)]
pub(crate) struct By {
    pub(crate) host: &'static str,
    pub(crate) connection: u64,
}

#[derive(Default)]
pub(crate) struct Keyspace {
    /// Whether it has DELIFEQ and SET with IFEQ, as newer servers do.
    native: bool,
    /// What its user may not do.
    pub(crate) denied: Option<Denied>,
    /// There is no memory for anybody more in a line.
    pub(crate) full: bool,
    entries: BTreeMap<String, Entry>,
    pub(crate) lines: Lines,
    pub(crate) news: News,
    /// By token.
    spans: BTreeMap<String, Spans>,
    /// When keys became free.
    freed: BTreeMap<String, Duration>,
    /// The newest fence that each lock key was taken with, whatever the server has forgotten.
    pub(super) fences: BTreeMap<String, u64>,
    scripts: BTreeMap<String, Script>,
    /// Tokens whose release found something else or nothing.
    pub(super) refused: BTreeSet<String>,
    pub(super) wrongs: Vec<String>,
    /// Locks that changed hands without having been free, within one client.
    pub(crate) handed_over: usize,
    /// The same between clients.
    pub(crate) passed_on: usize,
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
    pub(crate) fn new(native: bool, denied: Option<Denied>) -> Self {
        Self {
            native,
            denied,
            ..Self::default()
        }
    }

    pub(super) fn denies(&self, right: Right, by: By) -> bool {
        self.denied.is_some_and(|denied| denied.is(right, by.host))
    }

    pub(super) fn is_denied_line(&self, key: &str, by: By) -> bool {
        self.denies(Right::Lines, by) && Lines::is_line(key)
    }

    /// Since when a key is free, if it is.
    pub(crate) fn free_since(&self, key: &str) -> Option<Duration> {
        let free = !self.entries.contains_key(key);
        free.then(|| self.freed.get(key).copied().unwrap_or_default())
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
        for line in self.lines.expire(now) {
            self.news.changed(&line);
        }
        over
    }

    /// The server starts without its data.
    pub(crate) fn forget(&mut self, now: Duration) {
        let keys: Vec<_> = self.entries.keys().cloned().collect();
        for key in keys {
            self.remove(&key, now, true);
        }
        self.lines.forget();
        self.news.flushed();
    }

    pub(crate) fn forget_scripts(&mut self) {
        self.scripts.clear();
    }

    pub(super) fn remove(&mut self, key: &str, now: Duration, forgotten: bool) {
        let Some(entry) = self.entries.remove(key) else {
            return;
        };
        self.news.changed(key);
        self.freed.insert(key.to_owned(), now);
        let spans = self.spans.get_mut(&entry.value);
        if let Some(span) = spans.and_then(|spans| spans.last_mut()) {
            span.to = Some(now);
            span.forgotten = forgotten;
        }
    }

    pub(super) fn store(
        &mut self,
        key: &str,
        value: &str,
        ttl: Option<u64>,
        now: Duration,
        by: By,
    ) {
        if let (true, Some(ttl)) = (self.holds(key, value), ttl) {
            self.live_for(key, ttl, now);
            return;
        }
        self.remove(key, now, false);
        self.news.changed(key);
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
            owner: by.host,
        };
        self.entries.insert(key.to_owned(), entry);
    }

    pub(super) fn live_for(&mut self, key: &str, ttl: u64, now: Duration) -> Reply {
        let Some(entry) = self.entries.get_mut(key) else {
            return Reply::Number(0);
        };
        self.news.changed(key);
        entry.expires = Some(now + Duration::from_millis(ttl));
        Reply::Number(1)
    }

    pub(super) fn text(&self, key: &str) -> Reply {
        self.value(key)
            .map_or(Reply::Nil, |value| Reply::Text(value.to_owned()))
    }

    pub(super) fn left(&self, key: &str, now: Duration) -> Reply {
        Reply::Number(match self.entries.get(key).map(|entry| entry.expires) {
            None => -2,
            Some(None) => -1,
            Some(Some(at)) => i64::try_from(at.saturating_sub(now).as_millis()).unwrap_or(0),
        })
    }

    /// Runs a command.
    pub(crate) fn run(&mut self, command: &[String], now: Duration, by: By) -> Reply {
        self.expire(now);
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["GET", key] => {
                self.news.seen(by.connection, key);
                self.text(key)
            }
            ["PTTL", key] => self.left(key, now),
            ["ZCARD", line] if self.is_denied_line(line, by) => DENIED,
            ["ZCARD", line] => Reply::Number(self.lines.len(line)),
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
                let host = by.host;
                if let Some(owner) = owner.filter(|owner| *owner != host) {
                    self.wrongs
                        .push(format!("{host} deleted {key}, which is {owner}'s"));
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
            ["HELLO", "3", ..] if self.denies(Right::Hello, by) => UNKNOWN,
            ["HELLO", "3", ..] => {
                Reply::Map(vec![Reply::Text("proto".to_owned()), Reply::Number(3)])
            }
            ["SUBSCRIBE", _] if self.denies(Right::Subscribe, by) => DENIED,
            ["SUBSCRIBE", address] => {
                self.news.subscribe(by.connection, address);
                let text = |text: &str| Reply::Text(text.to_owned());
                Reply::Push(vec![text("subscribe"), text(address), Reply::Number(1)])
            }
            ["PUBLISH", ..] if self.denies(Right::Publish, by) => DENIED,
            ["PUBLISH", address, words] => {
                let heard = self.news.publish(address, words);
                Reply::Number(i64::try_from(heard).unwrap_or(0))
            }
            ["CLIENT", "TRACKING", ..] if self.denies(Right::Track, by) => DENIED,
            ["CLIENT", "TRACKING", "ON"] => {
                self.news.track(by.connection);
                Reply::Simple("OK")
            }
            ["CLIENT", ..] => Reply::Simple("OK"),
            ["PING"] => Reply::Simple("PONG"),
            ["WAIT", ..] => Reply::Number(0),
            _ => UNKNOWN,
        }
    }
}
