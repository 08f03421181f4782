//! An actor on the stage, and what it believes.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::recording::Span;
use crate::stage::Stage;

/// How often an actor at work looks up.
const STEP: Duration = Duration::from_millis(5);

/// Asks for the lock or believes to hold it, until this is dropped: with a body that is cut off,
/// its presence goes too.
pub(crate) struct Presence {
    stage: Stage,
    actor: char,
    inside: bool,
    since: Duration,
    /// For one inside: the last time it did something. A body that is never polled again does
    /// nothing any more, however late it is dropped.
    until: Option<Duration>,
    /// What to say of an end that is not of its own accord.
    cut_off: Option<&'static str>,
}

impl Presence {
    pub(crate) fn asking(stage: Stage, actor: char) -> Self {
        Self {
            since: stage.now(),
            stage,
            actor,
            inside: false,
            until: None,
            cut_off: None,
        }
    }

    pub(crate) fn actor(&self) -> char {
        self.actor
    }

    /// From now on the actor believes to hold the lock, with `value` at its key.
    pub(crate) fn enters(self, value: &str) -> Self {
        let (stage, actor) = (self.stage.clone(), self.actor);
        drop(self);
        let since = stage.now();
        stage.knows(value, actor);
        match stage.let_in(actor).as_str() {
            "" => stage.note(format!("{actor} goes in")),
            others => stage.note(format!("{actor} goes in, while {others} is still inside")),
        }
        Self {
            stage,
            actor,
            inside: true,
            since,
            until: Some(since),
            cut_off: Some("is cut off in the middle of its work"),
        }
    }

    /// The actor is still at work.
    pub(crate) async fn step(&mut self) {
        sleep(STEP).await;
        self.until = Some(self.stage.now());
    }

    pub(crate) async fn works(&mut self, work: Duration) {
        let end = Instant::now() + work;
        while Instant::now() < end {
            self.step().await;
        }
    }

    /// Its work is done.
    pub(crate) fn leaves(mut self) {
        self.until = Some(self.stage.now());
        self.cut_off = None;
    }

    /// Its process is gone.
    pub(crate) fn dies(mut self, how: &'static str) {
        self.until = Some(self.stage.now());
        self.cut_off = Some(how);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Some(how) = self.cut_off {
            self.stage.note(format!("{} {how}", self.actor));
        }
        self.stage.was_played(Span {
            actor: self.actor,
            inside: self.inside,
            from: self.since,
            to: self.until.unwrap_or_else(|| self.stage.now()),
            cut_off: self.cut_off.is_some(),
        });
    }
}
