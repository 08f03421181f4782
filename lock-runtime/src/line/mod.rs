//! The lines of local waiters: one for each key, first come, first served.

mod member;

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

pub(crate) use self::member::{Holding, Member};
use crate::error::StoreError;
use crate::key::line_key;
use crate::lock_key::{ByKey, LockKey};
use crate::store::Stored;
use crate::token::{Holder, LockToken};

/// Waiters of this client that get the lock one from the other in a row while other clients stand in
/// line.
const MOST_IN_A_ROW: u32 = 8;

/// The longest time after which a waiter that is not the first looks whether it is.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// What a waiter leaves for whoever can hand the lock over to it. Of whatever type: it knows of places in
/// the queue of releases, which knows of these lines.
pub(crate) type Left = Box<dyn Any + Send>;

/// Room that is kept when there is no line.
const KEPT: usize = 32;

/// All lines of a client, and who of it holds what.
pub(crate) struct Lines {
    all: Mutex<All>,
    /// What the names of the lines on the server begin with.
    prefix: String,
    max_waiters: usize,
    max_waiters_per_key: usize,
}

struct All {
    lines: ByKey<Line>,
    waiting: usize,
    last: u64,
}

/// Why a call may not join a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Full {
    /// The setting of the client that says so, and its value.
    pub(crate) setting: &'static str,
    pub(crate) limit: usize,
}

struct Line {
    waiters: VecDeque<Waiter>,
    /// The locks of this client, from their grant until the answer of their release, and when the ttl of
    /// each is over.
    held: Vec<(LockToken, Instant)>,
    in_a_row: u32,
    /// Whether other clients stand in line for the key, when the store last told.
    others: bool,
    seen: Option<Holder>,
    /// Why the store gives the first no answer.
    failing: Option<StoreError>,
}

struct Waiter {
    id: u64,
    wake: Arc<Notify>,
    heir: Option<Left>,
    /// Whether it stands in line on the server.
    stands: bool,
}

/// What is to become of a lock that is given back.
pub(crate) enum Next {
    /// It goes to the first in line here, who has this number and left this.
    HandOver(u64, Left),
    /// It is the turn of other clients, and the first in line here, who left this, queues up behind them.
    PassOn(Left),
    /// It is the turn of other clients, if any stand in line.
    LetGo,
}

impl Line {
    fn new() -> Self {
        Self {
            waiters: VecDeque::new(),
            held: Vec::new(),
            in_a_row: 0,
            others: false,
            seen: None,
            failing: None,
        }
    }

    /// Until when this client holds the lock, as far as it knows. Not whoever keeps one beyond its ttl:
    /// for those who wait that is as good as given back.
    fn held_until(&self) -> Option<Instant> {
        let until = self.held.iter().map(|(_, until)| *until).max();
        until.filter(|until| *until > Instant::now())
    }

    fn wake_first(&self) {
        if let Some(first) = self.waiters.front() {
            first.wake.notify_one();
        }
    }
}

impl Lines {
    pub(crate) fn new(prefix: &str, max_waiters: usize, max_waiters_per_key: usize) -> Arc<Self> {
        Arc::new(Self {
            prefix: prefix.to_owned(),
            all: Mutex::new(All {
                lines: ByKey::default(),
                waiting: 0,
                last: 0,
            }),
            max_waiters,
            max_waiters_per_key,
        })
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn join(self: &Arc<Self>, key: &LockKey) -> Result<Member, Full> {
        let mut all = self.all();
        let waiting = all.lines.get(key).map_or(0, |line| line.waiters.len());
        for (setting, limit, waiting) in [
            ("max_waiters_per_key", self.max_waiters_per_key, waiting),
            ("max_waiters", self.max_waiters, all.waiting),
        ] {
            if waiting >= limit {
                return Err(Full { setting, limit });
            }
        }
        Ok(self.join_at(&mut all, key, VecDeque::push_back))
    }

    fn join_at(
        self: &Arc<Self>,
        all: &mut All,
        key: &LockKey,
        push: fn(&mut VecDeque<Waiter>, Waiter),
    ) -> Member {
        all.waiting += 1;
        all.last += 1;
        let (id, wake) = (all.last, Arc::new(Notify::new()));
        let line = all.lines.entry(key.clone()).or_insert_with(Line::new);
        let waiter = Waiter {
            id,
            wake: wake.clone(),
            heir: None,
            stands: false,
        };
        push(&mut line.waiters, waiter);
        Member {
            lines: self.clone(),
            key: key.clone(),
            id,
            wake,
        }
    }

    /// Whether somebody waits for `key`.
    pub(crate) fn occupied(&self, key: &LockKey) -> bool {
        let all = self.all();
        all.lines
            .get(key)
            .is_some_and(|line| !line.waiters.is_empty())
    }

    /// The last holder that those in the line of `key` saw, or the one that this client knows of.
    pub(crate) fn seen(&self, key: &LockKey) -> Option<Holder> {
        let all = self.all();
        let line = all.lines.get(key)?;
        let held = line.held.last().filter(|_| line.held_until().is_some());
        held.map(|(token, _)| Holder::of(token))
            .or_else(|| line.seen.clone())
    }

    /// Takes note of who stands at `key`, for those in its line.
    pub(crate) fn saw(&self, key: &LockKey, holder: Holder) {
        if let Some(line) = self.all().lines.get_mut(key) {
            line.seen = Some(holder);
        }
    }

    /// Takes note, for those in the line of `key`, of how the store fails, or that it does not.
    pub(crate) fn note_failure(&self, key: &LockKey, error: Option<&StoreError>) {
        if let Some(line) = self.all().lines.get_mut(key) {
            line.failing = error.cloned();
        }
    }

    /// How the store failed when it was last asked for `key`.
    pub(crate) fn failure(&self, key: &LockKey) -> Option<StoreError> {
        self.all().lines.get(key)?.failing.clone()
    }

    /// A lock of this client. Those in line need not ask the store before it is given back.
    pub(crate) fn hold(
        self: &Arc<Self>,
        key: &LockKey,
        token: &LockToken,
        until: Instant,
    ) -> Holding {
        let mut all = self.all();
        let line = all.lines.entry(key.clone()).or_insert_with(Line::new);
        // Where this one stands no other does.
        for (_, earlier) in &mut line.held {
            *earlier = Instant::now().min(*earlier);
        }
        line.held.push((token.clone(), until));
        Holding {
            lines: self.clone(),
            key: key.clone(),
            token: token.clone(),
        }
    }

    /// The store shows what stands at `key`: whatever else this client held there is lost.
    pub(crate) fn stands(&self, key: &LockKey, stored: &Stored) {
        let mut all = self.all();
        let held = all.lines.get_mut(key).into_iter();
        for (token, until) in held.flat_map(|line| &mut line.held) {
            if !stored.is(token) {
                *until = Instant::now().min(*until);
            }
        }
    }

    /// A lock of this client was extended.
    pub(crate) fn extended(&self, key: &LockKey, token: &LockToken, until: Instant) {
        let mut all = self.all();
        let held = all.lines.get_mut(key).into_iter();
        let mut held = held.flat_map(|line| &mut line.held);
        if let Some((_, known)) = held.find(|(held, _)| held == token) {
            *known = until.max(*known);
        }
    }

    /// The key of the line of `key` on the server, if it has one.
    pub(crate) fn key_of(&self, key: &str) -> Option<String> {
        line_key(&self.prefix, key)
    }

    /// Takes note whether other clients stand in line for `key`, as long as somebody here has to do
    /// with it.
    pub(crate) fn note_others(&self, key: &LockKey, others: bool) {
        if let Some(line) = self.all().lines.get_mut(key) {
            line.others = others;
        }
    }

    /// Whether other clients stand in line for `key`, as far as is known.
    pub(crate) fn has_others(&self, key: &LockKey) -> bool {
        self.all().lines.get(key).is_some_and(|line| line.others)
    }

    /// What is to become of the lock `key` that is given back.
    pub(crate) fn next(&self, key: &LockKey) -> Next {
        let mut all = self.all();
        let Some(line) = all.lines.get_mut(key) else {
            return Next::LetGo;
        };
        let enough = line.others && line.in_a_row >= MOST_IN_A_ROW;
        let Some(first) = line.waiters.front_mut() else {
            return Next::LetGo;
        };
        if enough && first.stands {
            return Next::LetGo;
        }
        // Without one it asks the store right now.
        let Some(heir) = first.heir.take() else {
            return Next::LetGo;
        };
        if enough {
            return Next::PassOn(heir);
        }
        line.in_a_row += 1;
        Next::HandOver(first.id, heir)
    }

    /// A waiter was handed the lock, or gave up: the next one is the first then.
    pub(crate) fn leave(&self, key: &LockKey, id: u64) {
        let mut all = self.all();
        let Some(line) = all.lines.get_mut(key) else {
            return;
        };
        let Some(at) = line.waiters.iter().position(|waiter| waiter.id == id) else {
            return;
        };
        let left = line.waiters.remove(at);
        // While the lock is held here its release says who comes next, and whoever that is looks by itself
        // from time to time. A lock that may be over before has to be looked after at once.
        let seldom = Instant::now() + LONGEST_REST;
        if at == 0 && line.held_until().is_none_or(|until| until < seldom) {
            line.wake_first();
        }
        all.waiting -= 1;
        let over = all.tidy(key);
        // Its heir wakes somebody when it is dropped: not under the mutex.
        drop(all);
        drop((left, over));
    }
}

impl All {
    /// Keeps nothing for a key that nobody holds or waits for.
    fn tidy(&mut self, key: &LockKey) -> Option<Line> {
        let idle = |line: &Line| line.waiters.is_empty() && line.held.is_empty();
        if !self.lines.get(key).is_some_and(idle) {
            return None;
        }
        let over = self.lines.remove(key);
        if self.lines.is_empty() && self.lines.capacity() > 2 * KEPT {
            self.lines.shrink_to(KEPT);
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> LockKey {
        text.to_owned().into()
    }

    #[tokio::test]
    async fn a_line_ends_with_its_last_waiter() {
        let lines: Arc<Lines> = Lines::new("", 3, 2);
        let k = key("k");
        let first = lines.join(&k).expect("room");
        assert!(first.is_first());
        let second = lines.join(&k).expect("room");
        let full = lines.join(&k).err().expect("two of two");
        assert_eq!((full.setting, full.limit), ("max_waiters_per_key", 2));
        let other = lines.join(&key("l")).expect("room");
        let full = lines.join(&key("m")).err().expect("three of three");
        assert_eq!((full.setting, full.limit), ("max_waiters", 3));
        drop(other);
        assert!(!second.is_first());
        drop(first);
        second.woken().await;
        assert!(second.is_first() && lines.occupied(&k));
        drop(second);
        assert!(!lines.occupied(&k) && lines.all().lines.is_empty());
    }

    #[tokio::test]
    async fn only_the_first_has_an_heir_and_not_without_end_while_others_wait() {
        let lines: Arc<Lines> = Lines::new("", 9, 9);
        let k = key("k");
        let token = LockToken::new("f", Duration::from_secs(1), Duration::ZERO);
        let until = Instant::now() + Duration::from_secs(1);
        let holding = lines.hold(&k, &token, until);
        let mut first = lines.join(&k).expect("room");
        let second = lines.join(&k).expect("room");
        second.leave_heir(Box::new(2));
        let lets_go = |lines: &Lines| matches!(lines.next(&k), Next::LetGo);
        assert!(lets_go(&lines), "the first asks the store itself");
        for heir in 0..20 {
            first.leave_heir(Box::new(heir));
            let Next::HandOver(id, found) = lines.next(&k) else {
                panic!("nobody else waits");
            };
            assert_eq!(found.downcast_ref(), Some(&heir));
            assert!(!first.take_heir(), "it is taken");
            lines.leave(&k, id);
            assert!(second.is_first());
            first.join_first();
            assert!(first.is_first());
        }
        lines.note_others(&k, true);
        first.leave_heir(Box::new(20));
        assert!(matches!(lines.next(&k), Next::PassOn(..)), "others wait");
        first.leave_heir(Box::new(21));
        first.stands(true);
        assert!(lets_go(&lines), "it stands in line itself");
        assert!(first.take_heir() && first.is_held_here());
        drop(holding);
        first.woken().await;
        assert!(!first.is_held_here());
        drop((first, second));
        assert!(lines.all().lines.is_empty());
    }
}
