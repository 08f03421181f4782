//! A client: one call after the other, each with a token of its own.

use super::handing::Releaser;
use super::line::Turn;
use super::place::Place;
use super::resource::Access;
use crate::network::{Answer, Command, Flight, Grant, Request, Token};
use crate::rules::Rule;
use crate::world::World;

/// One process. Its tasks are one: while a call is under way nothing else happens in it, except
/// that commands it no longer waits for are still on their way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    number: u8,
    /// The present or last call; 0 before the first.
    pub(crate) call: u8,
    /// The connection that new commands go down. It may overtake all earlier ones.
    pub(super) connection: u8,
    pub(crate) phase: Phase,
    pub(super) place: Place,
    pub(crate) awaited: Option<Awaited>,
    pub(crate) flight: Flight,
    /// It is on its way to the client that the key was passed to its token.
    pub(crate) news: bool,
    /// Stands still although it has something to do. It may go on at any time.
    pub(crate) paused: bool,
    /// The server forgot the lock of the present call.
    pub(crate) forgotten: bool,
}

/// A command whose answer the client waits for, and the answer on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Awaited {
    pub(super) command: Command,
    pub(super) connection: u8,
    pub(super) sent: u8,
    pub(crate) answer: Option<Answer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Idle(Ended),
    /// From the first SET, or swap, until the server has said yes or no.
    Asking(Asking),
    /// Busy; asks again with the same token when time has passed.
    Waiting {
        asked: u8,
        turn: Turn,
    },
    Held(Lease),
    /// The body has ended, the answer to the CAD decides whether its result stands.
    Releasing(Releasing),
    Crashed,
}

/// How the last call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ended {
    Never,
    /// Without having held the lock: indeterminate, or cancelled.
    Without,
    /// The body's result stands. It may have come after the deadline.
    Stands {
        late: bool,
    },
    /// The lock was lost under the body.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asking {
    pub(crate) give_up: u8,
    /// Whose token may still stand, to be swapped for this call's.
    pub(crate) swap: Option<Releaser>,
    /// Whose release this call joins the line with.
    pub(crate) pass: Option<Releaser>,
    pub(super) turn: Turn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lease {
    pub(crate) deadline: u8,
    pub(crate) refuted: bool,
    /// Whether every SET with the token was answered when the body began.
    pub(super) settled: bool,
    pub(crate) grant: Grant,
    /// Somebody else was given the lock since, which the client does not know.
    pub(crate) taken_over: bool,
    /// What the body last did with the resource.
    pub(crate) accessed: Option<Access>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Releasing {
    pub(super) timing: Timing,
    /// Whether the answer waited for is that of the first sending.
    pub(super) first: bool,
    /// Whether it is that of a command which knows of no line.
    pub(super) native: bool,
    pub(super) limit: u8,
    pub(super) taken_over: bool,
}

/// When a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Timing {
    InTime,
    /// After the deadline. Whether the token, if it still stands, proves that it stood all along.
    Late {
        provable: bool,
    },
}

impl Lease {
    pub(crate) fn is_alive(self, now: u8) -> bool {
        !self.refuted && now < self.deadline
    }

    /// Whether the token, if it still stands, proves that it stood all along.
    pub(super) fn is_provable(self, world: &World) -> bool {
        let settled = self.settled || !world.keeps(Rule::UnansweredSetUnsettles);
        settled && !self.refuted
    }
}

impl Client {
    pub(crate) fn new(number: u8) -> Self {
        Self {
            number,
            call: 0,
            connection: 0,
            phase: Phase::Idle(Ended::Never),
            place: Place::default(),
            awaited: None,
            flight: Flight::default(),
            news: false,
            paused: false,
            forgotten: false,
        }
    }

    pub(crate) fn token(&self) -> Token {
        Token {
            client: self.number,
            call: self.call,
        }
    }

    /// Whether its body may act now, for all it knows.
    pub(crate) fn may_act(&self, now: u8) -> bool {
        matches!(&self.phase, Phase::Held(lease) if lease.is_alive(now))
    }

    /// Whether it holds a lock, and has heard what became of all that may have taken it.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Held(_)) && self.place.is_settled()
    }

    /// Whether it still means to use or to release that token of its own.
    pub(crate) fn minds(&self, token: Token) -> bool {
        let replaced = self.swap().is_some() || self.passes();
        let present = token == self.token() && !matches!(self.phase, Phase::Idle(_));
        present || replaced && token == self.token().previous() || self.flight.releases(token)
    }

    /// Whether it has something to do that only a pause keeps it from.
    pub(crate) fn is_pressed(&self, now: u8, world: &World) -> bool {
        let answered = |awaited: &Awaited| awaited.answer.is_some() || awaited.sent < now;
        match (&self.awaited, &self.phase) {
            (Some(awaited), _) => answered(awaited),
            (None, Phase::Waiting { asked, .. }) => *asked < now && world.keeps(Rule::WaitersPoll),
            _ => false,
        }
    }

    /// Whether the answer it waits for has stayed out for as long as a client waits for one.
    pub(crate) fn may_time_out(&self, now: u8) -> bool {
        self.awaited
            .as_ref()
            .is_some_and(|awaited| awaited.sent < now)
    }

    /// The server has put that token of its own at the key. What it believes already, or is about to
    /// hear, may yet be of the one that was forgotten.
    pub(crate) fn is_given(&mut self, token: Token) {
        let heard = |awaited: &Awaited| awaited.answer.is_some();
        let believes =
            matches!(self.phase, Phase::Held(_)) || self.awaited.as_ref().is_some_and(heard);
        self.forgotten &= believes || token != self.token();
    }

    /// It is told of a key that was passed on.
    pub(crate) fn is_told(&mut self, token: Token) {
        let waits = matches!(self.phase, Phase::Waiting { .. } | Phase::Asking(_));
        self.news |= waits && token == self.token();
    }

    pub(super) fn next_call(&mut self) {
        self.call += 1;
        self.place = Place::default();
        self.news = false;
        self.forgotten = false;
    }

    fn put(&mut self, command: Command, token: Token, connection: u8, awaited: bool) {
        self.flight.send(Request {
            connection,
            command,
            token,
            awaited,
            slow: false,
            copy: false,
        });
    }

    /// Sends a command with the present token and waits for its answer.
    pub(super) fn ask(&mut self, command: Command, connection: u8, now: u8) {
        if matches!(command, Command::Set | Command::Swap | Command::PassJoining) {
            self.place.sending(now, connection);
        }
        self.put(command, self.token(), connection, true);
        self.awaited = Some(Awaited {
            command,
            connection,
            sent: now,
            answer: None,
        });
    }

    /// Sends a command whose answer nobody waits for.
    pub(super) fn tell(&mut self, command: Command, token: Token, connection: u8) {
        self.put(command, token, connection, false);
    }

    /// The server has answered the command that is waited for.
    pub(crate) fn answered(&mut self, answer: Answer) {
        if let Some(awaited) = &mut self.awaited {
            awaited.answer.get_or_insert(answer);
        }
    }

    /// Takes the answer that has arrived.
    pub(crate) fn receive(&mut self, now: u8, world: &World, verdict: &mut bool) {
        self.paused = false;
        let Some(awaited) = self.awaited.take() else {
            return;
        };
        let Some(answer) = awaited.answer else { return };
        self.flight.unheard();
        let connection = awaited.connection;
        match self.phase {
            Phase::Asking(asking) => {
                let releaser = asking.swap.or(asking.pass);
                *verdict |= releaser.is_some_and(|by| by.stands_falsely(answer, world));
                self.learn(asking, &awaited, answer, connection, now, world);
            }
            Phase::Held(lease) => self.renewed(lease, awaited.sent, answer, now, world),
            Phase::Releasing(releasing) => {
                *verdict |= self.released(releasing, answer, world);
            }
            Phase::Idle(_) | Phase::Waiting { .. } | Phase::Crashed => {}
        }
    }

    /// Stops waiting for the answer; the connection stays.
    pub(crate) fn time_out(&mut self, now: u8, world: &World) {
        self.paused = false;
        let Some(awaited) = self.awaited.take() else {
            return;
        };
        self.flight.unheard();
        match self.phase {
            Phase::Asking(asking) => self.unanswered(asking, awaited.command, now, world),
            Phase::Held(lease) => self.renewal_unanswered(lease, awaited.sent, now, world),
            Phase::Releasing(releasing) => self.release_unanswered(releasing, now, world),
            Phase::Idle(_) | Phase::Waiting { .. } | Phase::Crashed => {}
        }
    }

    /// The connection broke under the command. What it carries may still arrive.
    pub(crate) fn disconnect(&mut self, now: u8, world: &World) {
        self.flight.leave_behind(self.connection);
        self.connection += 1;
        self.time_out(now, world);
    }

    /// Dies. What it has sent stays on its way.
    pub(crate) fn crash(&mut self) {
        self.phase = Phase::Crashed;
        self.news = false;
        self.awaited = None;
        self.flight.unheard();
        self.place = Place::default();
        self.paused = false;
        self.forgotten = false;
    }

    /// The call is over.
    pub(super) fn end(&mut self, ended: Ended) {
        self.phase = Phase::Idle(ended);
        self.news = false;
        self.awaited = None;
        self.flight.unheard();
        self.place = Place::default();
        self.forgotten = false;
        self.paused = false;
    }
}
