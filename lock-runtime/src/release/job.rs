//! The release of one token: what is to be done, and who is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::StoreError;
use crate::line::Holding;
use crate::lock_key::LockKey;
use crate::observe::{self, Label};
use crate::store::{Head, LockSession, Release};
use crate::token::LockToken;

/// A token to be deleted from its key.
pub(super) struct Job {
    pub(super) key: LockKey,
    pub(super) token: LockToken,
    pub(super) label: Label,
    /// The sessions whose answer is still wanted.
    pub(super) carriers: Vec<Carrier>,
    /// Where it may stand in line.
    pub(super) head: Option<Head>,
    /// Whether a SET that has run may have left the token at the key.
    pub(super) stood: bool,
    /// When the last ttl that this token can have been given is over.
    pub(super) over: Instant,
    /// Whether it may have been sent before.
    pub(super) sent: bool,
    pub(super) tries: usize,
    /// Not to be sent again before.
    pub(super) again: Option<Instant>,
    /// From that to the time after.
    pub(super) pause: Duration,
    /// Whether later commands for the key wait for it.
    pub(super) unwritten: bool,
    /// Those in line wait until it is answered.
    pub(super) holding: Option<Holding>,
    /// Where a caller hears of it who drives it, or waits for the worker.
    pub(super) reply: Option<oneshot::Sender<Answer>>,
    /// What there was to tell without that: for a caller who sends it itself and has its answer at once.
    pub(super) answer: Option<Answer>,
    /// Where nobody waits for the answer, although the lock was given back in time.
    pub(super) unheard: Option<Unheard>,
}

impl Job {
    /// Where a caller hears of its answer, if one comes.
    pub(super) fn reply(&mut self) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        self.reply = Some(reply);
        answer
    }

    /// The first answer is the one that counts.
    pub(super) fn tell(&mut self, answer: Answer) {
        if let Some(reply) = self.reply.take() {
            // The caller may have stopped waiting.
            let _ = reply.send(answer);
        } else {
            self.answer.get_or_insert(answer);
        }
    }

    /// The session on which one answer settles it, if there is one.
    pub(super) fn plain(&self) -> Option<&Arc<dyn LockSession>> {
        match &*self.carriers {
            [carrier] if carrier.unanswered == 0 => Some(&carrier.session),
            _ => None,
        }
    }
}

/// A session that carried SETs with the token of a job.
pub(super) struct Carrier {
    pub(super) session: Arc<dyn LockSession>,
    /// How many of them were not answered: each may yet land.
    pub(super) unanswered: usize,
}

/// What a caller who waits for its release is told.
pub(crate) type Answer = Result<Released, StoreError>;

/// The answer of a release that was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Released {
    pub(crate) code: Release,
    /// Whether this answers the first sending. A later one may find its own earlier work.
    pub(crate) first: bool,
}

impl Released {
    /// Whether it shows that the lock was lost on the way. Only a first sending can.
    pub(crate) fn refutes(self) -> bool {
        self.first && matches!(self.code, Release::Missing | Release::NotOurs)
    }
}

/// How many locks were found lost by a release whose answer nobody waited for.
#[derive(Clone, Default)]
pub(super) struct Unheard(Arc<AtomicU64>);

impl Unheard {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn take_note(&self, key: &str, label: Label, released: Released) {
        if released.refutes() {
            self.0.fetch_add(1, Ordering::Relaxed);
            observe::lost_unheard(label);
            tracing::warn!(%key, found = ?released.code, "the lock was lost before it was given back, too late to tell its caller");
        }
    }
}
