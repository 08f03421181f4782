//! What the library logs.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Notes the events of `lock_runtime`.
#[derive(Debug, Clone)]
pub struct Events {
    least: Level,
    told: Arc<Mutex<Vec<String>>>,
}

impl Events {
    /// Those of this level, and whatever is graver.
    #[must_use]
    pub fn of(least: Level) -> Self {
        let told = Arc::default();
        Self { least, told }
    }

    /// What was told so far: of each its level and its fields.
    ///
    /// # Panics
    ///
    /// If another thread panicked over it.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        self.told.lock().expect("no panic").clone()
    }
}

struct Text<'a>(&'a mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("lock_runtime") && *metadata.level() <= self.least
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = format!("{} ", event.metadata().level());
        event.record(&mut Text(&mut text));
        self.told.lock().expect("no panic").push(text);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
