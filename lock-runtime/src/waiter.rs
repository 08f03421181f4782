//! One who waits for a lock: in line, until it is handed over or free.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::contender::{Answer, Call, Contender};
use crate::error::LockError;
use crate::guard::LockGuard;
use crate::line::{Full, InLine};
use crate::release::{Heir, Inheritance};
use crate::token::Holder;
use crate::wait::{Expiry, Polls};

pub(crate) struct Waiter<'a> {
    call: &'a Call<'a>,
    pub(crate) line: InLine,
    /// Made for the first question.
    contender: Option<Contender<'a>>,
    polls: Option<Polls>,
    next: Instant,
    last: Option<Holder>,
}

impl<'a> Waiter<'a> {
    pub(crate) fn join(call: &'a Call<'a>) -> Result<Self, LockError> {
        let line = call.shared.lines.join(call.key).map_err(|full| {
            let Full { setting, limit } = full;
            LockError::TooManyWaiters {
                key: call.key.to_string(),
                setting,
                limit,
            }
        })?;
        Ok(Self {
            call,
            line,
            contender: None,
            polls: None,
            next: Instant::now(),
            last: None,
        })
    }

    /// Waits until the lock is handed over, or it is time to ask for it (`None`), or to give up.
    ///
    /// Cancellation safety: what is handed over meanwhile is released by whoever does that.
    pub(crate) async fn turn(&mut self, give_up: Instant) -> Option<Inheritance> {
        let Call {
            options, function, ..
        } = *self.call;
        let (reply, mut handed_over) = oneshot::channel();
        self.line.leave_heir(Box::new(Heir {
            function,
            ttl: options.ttl,
            hold: options.renew.unwrap_or_default(),
            fence_key: self.call.fence_key.map(Into::into),
            command_deadline: self.call.shared.settings.command_deadline,
            reply,
        }));
        tokio::select! {
            biased;
            inheritance = &mut handed_over => return inheritance.ok(),
            _ = timeout_at(give_up, self.due()) => {}
        }
        if self.line.take_heir() {
            return None;
        }
        // Somebody is at it: that is a command under way.
        let limit = Instant::now() + self.call.shared.settings.command_deadline;
        timeout_at(limit, handed_over).await.ok()?.ok()
    }

    /// Ends when this waiter is the first, and the lock may be free.
    async fn due(&mut self) {
        while !self.line.is_first() {
            self.line.woken().await;
        }
        if self.polls.is_none() {
            let held_here = self.line.is_held_here();
            let polls = self.polls.insert(if held_here {
                Polls::slow()
            } else {
                Polls::new()
            });
            if !held_here {
                return;
            }
            self.next = polls.next();
        }
        loop {
            tokio::select! {
                biased;
                () = self.line.woken() => {}
                () = sleep_until(self.next) => return,
            }
            if !self.line.is_held_here() {
                return;
            }
        }
    }

    /// Asks the store, as the first in line.
    pub(crate) async fn ask(&mut self, give_up: Instant) -> Result<Option<LockGuard>, LockError> {
        let mut contender = match self.contender.take() {
            Some(contender) => contender,
            None => Contender::new(self.call)?,
        };
        let holder = match contender.ask(give_up).await? {
            Answer::Held(lease) => return Ok(Some(contender.guard(lease))),
            Answer::Busy(holder) => holder,
        };
        self.contender = Some(contender);
        self.line.saw(&holder);
        let polls = self.polls.get_or_insert_with(Polls::new);
        if polls.wants_expiry() || self.last.as_ref() != Some(&holder) {
            let expiry = timeout_at(give_up, expiry(self.call)).await;
            polls.expires(expiry.unwrap_or(Expiry::Unknown));
            self.last = Some(holder);
        }
        self.next = polls.next();
        Ok(None)
    }

    /// What was handed over was lost before it could be used.
    pub(crate) fn was_late(&mut self, holder: &Holder) {
        self.line.join_first();
        self.line.saw(holder);
    }
}

/// When the present holder's key expires, for the timer of the first in line.
async fn expiry(call: &Call<'_>) -> Expiry {
    let Ok(Some((_, left))) = call.shared.inspect(call.key).await else {
        return Expiry::Unknown;
    };
    // PTTL rounds: a millisecond later the key is gone for sure. Beyond what a clock can tell is as good
    // as never.
    let expiry = left.and_then(|left| left.checked_add(Duration::from_millis(1)));
    let expiry = expiry.and_then(|left| Instant::now().checked_add(left));
    expiry.map_or(Expiry::Never, Expiry::At)
}
