//! What the runtime tells while it works: spans and events of `tracing`, and metrics. Where nobody
//! listens it looks once at the most verbose level that somebody wants, and does nothing.

/// An event of a lock's life.
macro_rules! tell {
    ($level:ident, $event:literal, $name:expr, { $($fields:tt)* }, $words:literal) => {
        ::tracing::event!(
            name: $event,
            target: $crate::observe::TARGET,
            ::tracing::Level::$level,
            { lock.key = $name.template, lock.name = $name.function, $($fields)* },
            $words
        )
    };
}

mod call;
mod count;
mod telling;

use tokio::time::Instant;
use tracing::Level;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};

pub(crate) use self::call::Call;
pub(crate) use self::count::Label;
pub(crate) use self::telling::{Extension, Telling};
use crate::error::LockError;
use crate::token::Holder;

/// Of all spans and events of a lock's life.
const TARGET: &str = "lock_runtime";

/// What a lock is called where it is told of. Never its rendered key, which may hold personal data
/// and has as many values as there are users.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    pub(crate) function: &'static str,
    /// As the attribute has it.
    pub(crate) template: Option<&'static str>,
}

/// Whether somebody wants what is told at `level`.
fn hears(level: Level) -> bool {
    level <= STATIC_MAX_LEVEL && level <= LevelFilter::current()
}

/// Whether anybody wants to be told anything.
pub(crate) fn listens() -> bool {
    cfg!(feature = "metrics") || hears(Level::INFO)
}

/// One call for a lock, until it has it or not.
pub(crate) struct Asking {
    name: Name,
    since: Instant,
    over: bool,
}

impl Asking {
    pub(crate) fn begins(name: Name) -> Self {
        let since = Instant::now();
        Self {
            name,
            since,
            over: false,
        }
    }

    /// With the key, where it was taken.
    pub(crate) fn ended(mut self, result: Result<&str, &LockError>) {
        self.over = true;
        let waited = self.since.elapsed();
        match result {
            Ok(key) => {
                count::acquired(self.name.into(), waited);
                tell!(DEBUG, "lock.acquired", self.name, { lock.rendered_key = key, lock.wait_seconds = waited.as_secs_f64() }, "lock acquired");
            }
            Err(error) => count::not_acquired(self.name.into(), error.word()),
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.over {
            count::not_acquired(self.name.into(), unfinished());
        }
    }
}

/// A call that could not even ask.
pub(crate) fn refused(name: Name, error: &LockError) {
    count::not_acquired(name.into(), error.word());
}

/// How something ended that was dropped before its end.
fn unfinished() -> &'static str {
    if std::thread::panicking() {
        "panicked"
    } else {
        "cancelled"
    }
}

/// Whether a call waits, and is told of as one that does.
pub(crate) struct Waiting {
    name: Name,
    began: bool,
}

impl Waiting {
    pub(crate) fn new(name: Name) -> Self {
        Self { name, began: false }
    }

    /// It found the lock busy. Told once; by whom it is held is read where somebody listens.
    pub(crate) fn begins(&mut self, key: &str, holder: impl FnOnce() -> Option<Holder>) {
        if std::mem::replace(&mut self.began, true) {
            return;
        }
        count::waits(self.name.into(), 1.0);
        tell!(DEBUG, "lock.waiting", self.name, { lock.rendered_key = key, lock.holder = holder().map(tracing::field::display) }, "waiting for the lock");
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.began {
            count::waits(self.name.into(), -1.0);
        }
    }
}

/// From whom a lock came that was never free in between.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Giver {
    ThisClient,
    OtherClient,
}

/// A waiter was given the lock by whoever had it before.
pub(crate) fn handed_over(name: Name, key: &str, from: Giver) {
    let from = match from {
        Giver::ThisClient => "this_client",
        Giver::OtherClient => "other_client",
    };
    count::handed_over(name.into(), from);
    tell!(DEBUG, "lock.handed_over", name, { lock.rendered_key = key, lock.from = from }, "lock handed over");
}

/// A lock was left to its ttl: for its key, so much is warned of where that happens.
pub(crate) fn release_failed(label: Label, reason: &'static str) {
    count::release_failed(label, reason);
}

/// A lock turned out to have been lost when nobody waited for its release any more.
pub(crate) fn lost_unheard(label: Label) {
    count::lost(label);
}

/// What the server does not have, or denies, is done in the second-best way.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fallback {
    AcquireByScript,
    ReleaseByScript,
    ExtendByScript,
    Polling,
}

pub(crate) fn fell_back(to: Fallback) {
    let to = match to {
        Fallback::AcquireByScript => "acquire_by_script",
        Fallback::ReleaseByScript => "release_by_script",
        Fallback::ExtendByScript => "extend_by_script",
        Fallback::Polling => "polling",
    };
    count::fell_back(to);
    tracing::event!(name: "lock.fallback", target: TARGET, Level::DEBUG, { lock.fallback = to }, "the server lacks or denies the better way");
}
