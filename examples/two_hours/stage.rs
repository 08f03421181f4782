//! Where a story is played: actors say on it what they believe, an observer says what the server
//! says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::presence::Presence;
use crate::recording::{Key, Recording, Span};
use crate::until;

#[derive(Clone)]
pub(crate) struct Stage(Arc<Shared>);

struct Shared {
    began: Instant,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    recording: Recording,
    /// Which actor a value at the key belongs to.
    owners: BTreeMap<String, char>,
    /// Who believes at this moment to hold the lock, and who ever did.
    inside: BTreeSet<char>,
    entered: BTreeSet<char>,
    /// What the observer saw last, and since when.
    key: Option<String>,
    since: Duration,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            began: Instant::now(),
            log: Mutex::default(),
        }))
    }

    pub(crate) fn now(&self) -> Duration {
        self.0.began.elapsed()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sentence for the moment at which it is said.
    pub(crate) fn note(&self, text: impl Into<String>) {
        let now = self.now();
        self.log().recording.notes.push((now, text.into()));
    }

    /// `actor` asks for the lock.
    pub(crate) fn asks(&self, actor: char) -> Presence {
        Presence::asking(self.clone(), actor)
    }

    /// Tells whose value this is before its owner is inside.
    pub(crate) fn knows(&self, value: &str, actor: char) {
        self.log().owners.insert(value.to_owned(), actor);
    }

    /// Gives those who are inside already.
    pub(crate) fn let_in(&self, actor: char) -> String {
        let mut log = self.log();
        let others = log.inside.iter().collect();
        log.inside.insert(actor);
        log.entered.insert(actor);
        others
    }

    pub(crate) fn was_played(&self, span: Span) {
        let mut log = self.log();
        if span.inside {
            log.inside.remove(&span.actor);
        }
        log.recording.spans.push(span);
    }

    pub(crate) fn has_entered(&self, actor: char) -> bool {
        self.log().entered.contains(&actor)
    }

    /// Waits until `actor` has believed to hold the lock.
    pub(crate) async fn entered(&self, actor: char) {
        until(|| self.has_entered(actor)).await;
    }

    /// Waits until the observer sees a key.
    pub(crate) async fn key_stands(&self) {
        until(|| self.log().key.is_some()).await;
    }

    /// Whose value the observer saw last.
    pub(crate) fn owner(&self) -> Option<char> {
        let log = self.log();
        log.owners.get(log.key.as_ref()?).copied()
    }

    /// What the observer saw.
    pub(crate) fn saw(&self, key: Option<String>) {
        let now = self.now();
        let mut log = self.log();
        if log.key != key {
            log.close_key(now);
            log.key = key;
            log.since = now;
        }
    }

    pub(crate) fn recording(&self) -> Recording {
        let now = self.now();
        let mut log = self.log();
        log.close_key(now);
        let mut recording = std::mem::take(&mut log.recording);
        recording.length = now;
        recording
    }
}

impl Log {
    fn close_key(&mut self, to: Duration) {
        if let Some(value) = self.key.take() {
            // A value is told apart later than it is seen: its owner learns of it by a reply.
            let owner = self.owners.get(&value).copied();
            self.recording.keys.push(Key {
                owner,
                from: self.since,
                to,
            });
        }
    }
}
