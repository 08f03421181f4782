//! The connections of one runtime, which end with it.

use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Weak};

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use super::backoff::Backoff;
use super::session::RedisSession;
use super::watch::Watch;

/// Exclusive connections that are kept for the next command.
const MOST_IDLE: usize = 32;

pub(super) struct Connections {
    current: Option<Arc<RedisSession>>,
    /// Each lent to one command at a time: whoever has it holds its `Arc`.
    exclusive: Vec<Arc<RedisSession>>,
    /// From the first head on.
    pub(super) news: Option<Arc<Watch>>,
    /// One caller connects, the others take what it made. Not across runtimes: one that stands
    /// still would keep all others from connecting.
    pub(super) turn: Arc<Mutex<Backoff>>,
    /// Gone with the runtime, and with it the connections' drivers.
    alive: Weak<()>,
    watch: AbortHandle,
}

impl Connections {
    pub(super) fn of(runtime: &Handle) -> Self {
        let token = Arc::new(());
        let alive = Arc::downgrade(&token);
        let watch = runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(token);
        });
        Self {
            current: None,
            exclusive: Vec::new(),
            news: None,
            turn: Arc::default(),
            alive,
            watch: watch.abort_handle(),
        }
    }

    pub(super) fn are_alive(&self) -> bool {
        self.alive.strong_count() > 0
    }

    /// The one that all share, while it is sound.
    pub(super) fn current(&mut self) -> Option<Arc<RedisSession>> {
        self.current.take_if(|session| !session.channel.is_sound());
        self.current.clone()
    }

    pub(super) fn keep(&mut self, session: Arc<RedisSession>) {
        self.current = Some(session);
    }

    /// One that nobody has.
    pub(super) fn idle(&mut self) -> Option<Arc<RedisSession>> {
        // What ended one has in all likelihood ended the others, and to find out one by one takes
        // longer than a call lasts.
        let broke = self
            .exclusive
            .iter()
            .any(|session| !session.channel.is_healthy());
        let mut idle = 0;
        self.exclusive.retain(|session| {
            let lent = Arc::strong_count(session) > 1;
            // What its last user noted on it is seen after this.
            fence(Ordering::Acquire);
            if broke && !lent {
                return false;
            }
            idle += usize::from(!lent);
            // On one that was cut off an answer may be under way, or a command that holds up others.
            session.channel.is_healthy()
                && (lent || (idle <= MOST_IDLE && !session.channel.is_cut()))
        });
        let mut all = self.exclusive.iter();
        all.find(|session| Arc::strong_count(session) == 1).cloned()
    }

    pub(super) fn lend(&mut self, session: Arc<RedisSession>) {
        self.exclusive.push(session);
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
