//! What is told of one lock while it is held.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tracing::Span;

use super::{Call, Name, count, listens};

/// Nothing where nobody listens.
pub(crate) struct Telling(Option<Box<Told>>);

struct Told {
    name: Name,
    since: Instant,
    /// Of the call, for what is told outside of its polls. A lock taken by hand has none: what takes it
    /// is not over when its guard is.
    span: Span,
    lost: AtomicBool,
    /// For how long it was held.
    over: OnceLock<Duration>,
    released: AtomicBool,
}

/// What came of an extension.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Extension {
    Done,
    Refused,
    Failed,
}

impl Telling {
    pub(crate) fn begins(name: Name) -> Self {
        if !listens() {
            return Self(None);
        }
        count::holds(name.into(), 1.0);
        let span = if name.template.is_some() {
            Call::current()
        } else {
            Span::none()
        };
        Self(Some(Box::new(Told {
            name,
            since: Instant::now(),
            span,
            lost: AtomicBool::new(false),
            over: OnceLock::new(),
            released: AtomicBool::new(false),
        })))
    }

    pub(crate) fn extended(&self, key: &str, extension: Extension) {
        let Some(told) = &self.0 else { return };
        let outcome = match extension {
            Extension::Done => "extended",
            Extension::Refused => "refused",
            Extension::Failed => "failed",
        };
        count::renewed(told.name.into(), outcome);
        if matches!(extension, Extension::Done) {
            told.span.in_scope(|| {
                tell!(
                    DEBUG,
                    "lock.renewed",
                    told.name,
                    { lock.rendered_key = key },
                    "lease renewed"
                );
            });
        }
    }

    /// Told once.
    pub(crate) fn lost(&self) {
        let Some(told) = &self.0 else { return };
        if told.lost.swap(true, Ordering::Relaxed) {
            return;
        }
        count::lost(told.name.into());
        told.span.in_scope(|| {
            tell!(
                INFO,
                "lock.lost",
                told.name,
                { lock.hold_seconds = told.since.elapsed().as_secs_f64() },
                "lock lost"
            );
        });
    }

    /// It is about to be given back.
    pub(crate) fn ends(&self) {
        if let Some(told) = &self.0 {
            told.end();
        }
    }

    /// Its guard is dropped, which gives it back if nothing else has.
    pub(crate) fn dropped(&self, key: &str, is_lost: impl FnOnce() -> bool) {
        let Some(told) = &self.0 else { return };
        if told.over.get().is_none() && is_lost() {
            self.lost();
        }
        self.released(key, "dropped");
    }

    /// It was given back, with this to say about it. Told once.
    pub(crate) fn released(&self, key: &str, release: &'static str) {
        let Some(told) = &self.0 else { return };
        let held = told.end();
        if told.released.swap(true, Ordering::Relaxed) {
            return;
        }
        told.span.in_scope(|| {
            tell!(DEBUG, "lock.released", told.name, { lock.rendered_key = key, lock.hold_seconds = held.as_secs_f64(), lock.release = release }, "lock released");
        });
    }
}

impl Told {
    fn end(&self) -> Duration {
        *self.over.get_or_init(|| {
            let held = self.since.elapsed();
            count::held(self.name.into(), held);
            count::holds(self.name.into(), -1.0);
            held
        })
    }
}

#[cfg(all(test, not(feature = "metrics")))]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_listens_nothing_is_kept() {
        let name = Name {
            function: "f",
            template: Some("a"),
        };
        assert!(Telling::begins(name).0.is_none());
    }
}
