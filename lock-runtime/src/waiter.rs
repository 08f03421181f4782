//! One who waits for a lock: in line, until it is handed over or free.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::contender::{Answer, Call, Contender};
use crate::error::{LockError, StoreErrorKind};
use crate::guard::LockGuard;
use crate::lease::{Claim, Lease};
use crate::line::{Full, Member};
use crate::observe::Waiting;
use crate::release::{Heir, Inheritance, Served};
use crate::store::News;
use crate::token::Holder;
use crate::wait::{Expiry, Polls};

/// So long the first in line leaves a key alone before it looks to be told of changes: where the lock
/// goes from hand to hand its turn comes sooner.
const WATCH_AFTER: Duration = Duration::from_millis(50);

/// Whoever is not the first looks no more often than that whether it is.
const SELDOM: Duration = Duration::from_millis(100);

pub(crate) struct Waiter<'a> {
    call: &'a Call<'a>,
    pub(crate) line: Member,
    /// Made for the first question.
    contender: Option<Contender<'a>>,
    polls: Option<Polls>,
    next: Instant,
    /// When it has to look at the key to be told of its next change; none once it has, or while it is
    /// not the first.
    watch_at: Option<Instant>,
    watching: bool,
    /// The server does not tell of changes to those on this contender's connection.
    deaf: bool,
    last: Option<Holder>,
    waiting: Waiting,
}

/// What a waiter has to do.
pub(crate) enum Turn<'a> {
    /// The lock was handed over within the client.
    Inherited(Inheritance),
    /// Another client passed it on.
    Passed(Box<Contender<'a>>, Lease, Claim),
    /// It is time to ask, or to give up.
    Ask,
}

/// Why the head stopped waiting.
enum Due {
    Passed,
    Ask,
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
            watch_at: None,
            watching: false,
            deaf: false,
            last: None,
            waiting: Waiting::new(call.name),
        })
    }

    /// Waits until the lock is handed over or passed on, or it is time to ask for it or to give up.
    ///
    /// Cancellation safety: what is handed over meanwhile is released by whoever does that, what is
    /// passed on by its place.
    pub(crate) async fn turn(&mut self, give_up: Instant) -> Turn<'a> {
        let Call { options, name, .. } = *self.call;
        loop {
            // Served, but too late: a swap was answered when it was no longer waited for.
            if !self.line.is_in_line() {
                self.line.join_first();
            }
            let (reply, mut served) = oneshot::channel();
            self.line.leave_heir(Box::new(Heir {
                name,
                ttl: options.ttl,
                hold: options.renew.unwrap_or_default(),
                claim: self.call.shared.settings.claim.min(options.ttl),
                fence_key: self.call.fence_key.map(Into::into),
                command_deadline: self.call.shared.settings.command_deadline,
                give_up,
                reply,
            }));
            let due = tokio::select! {
                biased;
                served = &mut served => Err(served.ok()),
                due = timeout_at(give_up, self.due()) => Ok(due.unwrap_or(Due::Ask)),
            };
            let served = match &due {
                Err(_) => None,
                Ok(_) if self.line.take_heir() => None,
                Ok(_) => {
                    // Somebody is at it: that is a command under way.
                    let limit = Instant::now() + self.call.shared.settings.command_deadline;
                    timeout_at(limit, served).await.ok().and_then(Result::ok)
                }
            };
            match (due, served) {
                (Err(Some(Served::HandedOver(lock))), _) | (_, Some(Served::HandedOver(lock))) => {
                    return Turn::Inherited(lock);
                }
                (Err(Some(Served::InLine(queued))), _) | (_, Some(Served::InLine(queued))) => {
                    let served = queued.served;
                    self.contender = Some(Contender::in_line(self.call, queued));
                    self.watching = false;
                    self.waits(WATCH_AFTER);
                    self.next = self.polls.as_mut().map_or(self.next, Polls::next);
                    if served {
                        return self.passed();
                    }
                }
                (Ok(Due::Passed), None) => return self.passed(),
                (Ok(Due::Ask) | Err(None), None) => return Turn::Ask,
            }
        }
    }

    fn passed(&mut self) -> Turn<'a> {
        let passed = self.contender.as_mut().and_then(Contender::passed);
        match (passed, self.contender.take()) {
            (Some((lease, claim)), Some(contender)) => {
                Turn::Passed(Box::new(contender), lease, claim)
            }
            (_, contender) => {
                self.contender = contender;
                Turn::Ask
            }
        }
    }

    /// Ends when this waiter is the first, and the lock is passed on to it or may be free.
    async fn due(&mut self) -> Due {
        if !self.line.is_first() || self.line.is_held_here() {
            self.waiting.begins(self.call.key, || self.line.seen());
        }
        while !self.line.is_first() {
            // Nobody is woken to be the first while the lock is held here, for that alone changes
            // nothing: it looks by itself in case the holder has lost the lock, and keeps it.
            let look = Instant::now() + Polls::quiet().pause();
            let over = self.line.held_until().unwrap_or(look);
            let look = look.min(over.max(Instant::now() + SELDOM));
            let _ = timeout_at(look, self.line.woken()).await;
        }
        if self.polls.is_none() {
            let held_here = self.line.is_held_here();
            let polls = self.polls.insert(if held_here {
                Polls::slow()
            } else {
                Polls::new()
            });
            if !held_here {
                return Due::Ask;
            }
            self.next = polls.next();
        }
        loop {
            let standing = self.contender.as_mut().and_then(Contender::standing);
            let Some(standing) = standing else {
                tokio::select! {
                    biased;
                    () = self.line.woken() => {}
                    () = sleep_until(self.next) => return Due::Ask,
                }
                if !self.line.is_held_here() {
                    return Due::Ask;
                }
                continue;
            };
            let look = self.watch_at.map_or(self.next, |at| at.min(self.next));
            let heard = tokio::select! {
                biased;
                news = standing.listener().heard() => Some(news),
                () = sleep_until(look) => None,
            };
            match heard {
                Some(News::Turn) => return Due::Passed,
                Some(News::Changed) => {
                    self.watching = false;
                    // Who is not the first would overtake those that are told, too.
                    if standing.first {
                        return Due::Ask;
                    }
                }
                Some(News::Lost) => {
                    self.watching = false;
                    return Due::Ask;
                }
                Some(News::Next(claim)) => {
                    standing.first = true;
                    self.watch_at = Some(Instant::now() + WATCH_AFTER);
                    let expiry = Expiry::left(Some(claim));
                    if let (Expiry::At(expiry), Some(polls)) = (expiry, &mut self.polls) {
                        self.next = self.next.min(expiry);
                        polls.expires(Expiry::At(expiry));
                    }
                }
                None if self.watch_at.take().is_none_or(|at| Instant::now() < at) => {
                    return Due::Ask;
                }
                None => match standing.listener().watch().await {
                    Ok(Some(_)) => self.watching = true,
                    Ok(None) => return Due::Ask,
                    // It is not told of changes, and has to look often. After silence it tries once more: a
                    // connection that stays silent is none to look on any more.
                    Err(error) => {
                        use StoreErrorKind::{Refused, Unreachable};
                        self.deaf = matches!(error.kind(), Refused | Unreachable);
                        return Due::Ask;
                    }
                },
            }
        }
    }

    /// Asks the store, as the first in line.
    pub(crate) async fn ask(&mut self, give_up: Instant) -> Result<Option<LockGuard>, LockError> {
        let current = self.contender.take();
        let current = current.filter(|contender| !contender.is_outdated());
        let mut contender = if let Some(contender) = current {
            contender
        } else {
            // It may be told on another connection.
            self.deaf = false;
            Contender::new(self.call)?
        };
        let mut answer = contender.ask(Some(give_up)).await?;
        let mut joins = false;
        // A lock of this client is handed over, and needs no place in line.
        if let Answer::Busy(holder, _) = &answer
            && contender.standing().is_none()
            && !self.line.is_held_here()
        {
            // Before it is told the rest: others may want to know, too.
            self.line.saw(holder);
            joins = timeout_at(give_up, contender.stand()).await == Ok(true);
            if joins && Instant::now() < give_up {
                answer = contender.ask(Some(give_up)).await?;
            }
        }
        let (holder, expiry) = match answer {
            Answer::Held(lease) => return Ok(Some(contender.guard(lease))),
            Answer::Busy(holder, expiry) => (holder, expiry),
        };
        self.contender = Some(contender);
        self.line.saw(&holder);
        self.waiting.begins(self.call.key, || Some(holder.clone()));
        self.waits(if joins { Duration::ZERO } else { WATCH_AFTER });
        let known = matches!(expiry, Expiry::At(_) | Expiry::Never);
        if let Some(polls) = &mut self.polls {
            if known {
                polls.expires(expiry);
            } else if polls.wants_expiry() || self.last.as_ref() != Some(&holder) {
                let expiry = timeout_at(give_up, look(self.call)).await;
                polls.expires(expiry.unwrap_or(Expiry::Unknown));
            }
            self.next = polls.next();
        }
        self.last = Some(holder);
        Ok(None)
    }

    /// Decides when to look again: seldom where it is told what happens. The first in line is told of
    /// whatever happens to the key once it has looked at it, in `watch_after`.
    fn waits(&mut self, watch_after: Duration) {
        let standing = self.contender.as_mut().and_then(Contender::standing);
        self.line.stands(standing.is_some());
        let (told, first) = standing.map_or((false, false), |standing| {
            (standing.is_told(), standing.first)
        });
        let watches = told && first && !self.deaf;
        self.watch_at = (watches && !self.watching).then(|| Instant::now() + watch_after);
        let quiet = told && (watches || !first);
        if self
            .polls
            .as_ref()
            .is_none_or(|polls| polls.is_quiet() != quiet)
        {
            let polls = if quiet { Polls::quiet() } else { Polls::new() };
            self.polls = Some(polls);
        }
    }

    /// What was handed over was lost before it could be used.
    pub(crate) fn was_late(&mut self, holder: &Holder) {
        self.line.join_first();
        self.line.saw(holder);
    }
}

/// When the present holder's key expires, for the timer of the first in line.
async fn look(call: &Call<'_>) -> Expiry {
    match call.shared.inspect(call.key).await {
        Ok(Some((_, left))) => Expiry::left(left),
        _ => Expiry::Unknown,
    }
}
