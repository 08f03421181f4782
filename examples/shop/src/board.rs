//! Who holds, who waits and who was refused, as far as this process knows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;
use tokio::sync::watch;

/// As many are shown.
const MOST: usize = 30;
/// As much of a user's name is shown.
const LONGEST: usize = 40;

/// All requests for an order.
pub struct Board {
    visits: Mutex<Visits>,
    /// Whether the service is about to end; told as well whenever anything else changes.
    closing: watch::Sender<bool>,
}

#[derive(Default)]
struct Visits {
    next: u64,
    here: BTreeMap<u64, Here>,
    gone: VecDeque<Gone>,
    counts: Counts,
}

struct Here {
    user: String,
    holds: bool,
    /// From when on it waits, or holds.
    since: Instant,
}

struct Gone {
    user: String,
    how: How,
    when: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct How {
    kind: Kind,
    words: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Ordered,
    Refused,
    Left,
    Failed,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Counts {
    holding: usize,
    waiting: usize,
    ordered: u64,
    refused: u64,
    left: u64,
    failed: u64,
}

/// All that is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    counts: Counts,
    holding: Vec<Row>,
    waiting: Vec<Row>,
    gone: Vec<Row>,
    /// Users whose lock another instance holds, while somebody waits for it here.
    elsewhere: BTreeSet<String>,
    closing: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    user: String,
    /// For how long, or how long ago.
    ms: u128,
    #[serde(flatten)]
    how: Option<How>,
}

impl How {
    /// By the status that the client was answered with; `None`: it was gone by then.
    fn of(status: Option<u16>) -> Self {
        let (kind, words) = match status {
            None => (Kind::Left, "hung up"),
            Some(200) => (Kind::Ordered, "known already"),
            Some(201) => (Kind::Ordered, "ordered"),
            Some(409) => (Kind::Refused, "busy for too long"),
            Some(429) => (Kind::Refused, "too many wait"),
            Some(503) => (Kind::Refused, "no lock to be had"),
            Some(400..500) => (Kind::Refused, "not understood"),
            Some(_) => (Kind::Failed, "failed"),
        };
        Self { kind, words }
    }
}

impl Board {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            visits: Mutex::default(),
            closing: watch::Sender::new(false),
        })
    }

    /// Somebody asks for the lock of `user`, and waits until [`Visit::holds`].
    #[must_use]
    pub fn arrives(self: &Arc<Self>, user: &str) -> Arc<Visit> {
        let mut visits = self.visits();
        let id = visits.next;
        visits.next += 1;
        let here = Here {
            user: user.to_owned(),
            holds: false,
            since: Instant::now(),
        };
        visits.here.insert(id, here);
        drop(visits);
        self.tell();
        let board = self.clone();
        let ended = AtomicBool::new(false);
        Arc::new(Visit { board, id, ended })
    }

    /// The service ends: whoever watches is told so, and of those who are here yet.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Ends when the service does.
    pub async fn closed(&self) {
        // The sender is our own.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// The service ends, and all have gone.
    pub(crate) fn ended(&self) -> bool {
        *self.closing.borrow() && self.visits().here.is_empty()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Users for whom somebody waits, and whose lock nobody holds here.
    pub(crate) fn waited_for(&self) -> Vec<String> {
        let visits = self.visits();
        let mut users: BTreeMap<&str, bool> = BTreeMap::new();
        for here in visits.here.values() {
            *users.entry(&here.user).or_default() |= here.holds;
        }
        let waited = users.into_iter().filter(|(_, held)| !held).take(MOST);
        waited.map(|(user, _)| user.to_owned()).collect()
    }

    pub(crate) fn shown(&self, elsewhere: BTreeSet<String>) -> Shown {
        let closing = *self.closing.borrow();
        let visits = self.visits();
        let here = |holds: bool| visits.here.values().filter(move |here| here.holds == holds);
        let rows = |holds: bool| {
            here(holds)
                .take(MOST)
                .map(|here| row(&here.user, here.since, None))
        };
        let gone = visits.gone.iter();
        Shown {
            counts: Counts {
                holding: here(true).count(),
                waiting: here(false).count(),
                ..visits.counts
            },
            holding: rows(true).collect(),
            waiting: rows(false).collect(),
            gone: gone
                .map(|gone| row(&gone.user, gone.when, Some(gone.how)))
                .collect(),
            elsewhere,
            closing,
        }
    }

    fn visits(&self) -> MutexGuard<'_, Visits> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self) {
        self.closing.send_modify(|_| {});
    }
}

impl Visits {
    fn ends(&mut self, id: u64, how: How) {
        let Some(here) = self.here.remove(&id) else {
            return;
        };
        let Counts {
            ordered,
            refused,
            left,
            failed,
            ..
        } = &mut self.counts;
        *match how.kind {
            Kind::Ordered => ordered,
            Kind::Refused => refused,
            Kind::Left => left,
            Kind::Failed => failed,
        } += 1;
        self.gone.truncate(MOST - 1);
        self.gone.push_front(Gone {
            user: here.user,
            how,
            when: Instant::now(),
        });
    }
}

/// A name as much as of it is shown, and a time.
fn row(user: &str, since: Instant, how: Option<How>) -> Row {
    Row {
        user: shortened(user),
        ms: since.elapsed().as_millis(),
        how,
    }
}

pub(crate) fn shortened(user: &str) -> String {
    match user.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &user[..end]),
        None => user.to_owned(),
    }
}

/// One request for an order. Dropped before its end, its client has hung up.
#[derive(Debug)]
pub struct Visit {
    board: Arc<Board>,
    id: u64,
    ended: AtomicBool,
}

impl Visit {
    /// It has the lock.
    pub fn holds(&self) {
        if let Some(here) = self.board.visits().here.get_mut(&self.id) {
            here.holds = true;
            here.since = Instant::now();
        }
        self.board.tell();
    }

    /// It is answered with this status.
    pub fn ends(&self, status: u16) {
        self.end(Some(status));
    }

    fn end(&self, status: Option<u16>) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.board.visits().ends(self.id, How::of(status));
            self.board.tell();
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(board: &Board) -> Value {
        serde_json::to_value(board.shown(BTreeSet::new())).expect("plain data")
    }

    #[test]
    fn a_visit_waits_holds_and_ends() {
        let board = Board::new();
        let (first, second) = (board.arrives("1"), board.arrives("1"));
        assert_eq!(board.waited_for(), ["1"]);
        first.holds();
        assert_eq!(board.waited_for(), [""; 0]);
        let now = shown(&board);
        assert_eq!(now["counts"]["holding"], 1);
        assert_eq!(now["counts"]["waiting"], 1);
        first.ends(201);
        drop((first, second));
        let now = shown(&board);
        assert_eq!(now["holding"], json!([]));
        assert_eq!(now["gone"][0]["kind"], "left");
        assert_eq!(now["gone"][1]["kind"], "ordered");
        assert_eq!(now["counts"]["left"], 1);
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let board = Board::new();
        for _ in 0..2 * MOST {
            board.arrives(&"ü".repeat(4096)).ends(400);
        }
        let here: Vec<_> = (0..2 * MOST)
            .map(|n| board.arrives(&n.to_string()))
            .collect();
        let now = shown(&board);
        assert_eq!(now["counts"]["refused"], 2 * MOST);
        assert_eq!(now["counts"]["waiting"], here.len());
        assert!(now.to_string().len() < 20_000);
    }
}
