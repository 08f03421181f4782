//! An acquire call: SET, and a check if its answer stays out (`contender.rs` of the client). A hand-over is the
//! same with a swap in place of the SET.

use super::client::{Asking, Awaited, Client, Ended, Lease, Phase};
use crate::network::{Answer, Command, Grant};
use crate::rules::Rule;
use crate::world::{CLAIM, World};

impl Client {
    pub(crate) fn start(&mut self, now: u8, world: &World) {
        self.next_call();
        self.set(None, now, world);
    }

    /// Asks again for a lock that was busy, with the token it had before.
    pub(crate) fn poll(&mut self, now: u8, world: &World) {
        self.paused = false;
        self.news = false;
        if let Phase::Waiting { in_line, .. } = self.phase {
            self.set(Some(in_line), now, world);
        }
    }

    /// The news that the key was passed to this call's token, which may be any time old.
    pub(crate) fn hear(&mut self, now: u8, world: &World) {
        self.paused = false;
        self.news = false;
        let Phase::Waiting { in_line, .. } = self.phase else {
            return;
        };
        self.place.passed(in_line, self.connection);
        let news = !world.keeps(Rule::NewsStartsNoLease);
        let since = if news { now } else { in_line };
        if now < since + CLAIM {
            self.run_until(since + CLAIM, Grant::default(), now, world);
        } else {
            self.phase = Phase::Asking(Asking {
                give_up: now + world.command_deadline,
                swapping: false,
                in_line: Some(in_line),
            });
            self.ask(Command::Extend, self.connection, now);
        }
    }

    fn set(&mut self, in_line: Option<u8>, now: u8, world: &World) {
        self.phase = Phase::Asking(Asking {
            give_up: now + world.command_deadline,
            swapping: false,
            in_line,
        });
        self.ask(Command::Set, self.connection, now);
    }

    /// Gives the held lock to the next call of this client. Its guard is armed before the swap is
    /// sent: whatever comes of it, its token is released.
    pub(crate) fn hand_over(&mut self, now: u8, world: &World) {
        self.flight.unheard();
        self.next_call();
        self.phase = Phase::Asking(Asking {
            give_up: now + world.command_deadline,
            swapping: true,
            in_line: None,
        });
        self.ask(Command::Swap, self.connection, now);
    }

    /// What an answer means to a call that asks.
    pub(super) fn learn(
        &mut self,
        asking: Asking,
        awaited: &Awaited,
        answer: Answer,
        connection: u8,
        now: u8,
        world: &World,
    ) {
        let earliest = world.keeps(Rule::EarliestSetCounts);
        let last = self.place.last_sent();
        match (awaited.command, answer) {
            (Command::Extend, Answer::Done(_)) => {
                self.hold(awaited.sent, world.ttl, answer, now, world);
            }
            (Command::Set | Command::Swap, Answer::Done(_)) => {
                let since = self.place.granted(connection);
                self.held(asking, since, answer, connection, now, world);
            }
            (Command::Set | Command::Swap, Answer::Ours(_)) => {
                let since = self.place.found_by_set(connection, world);
                let since = if earliest { since } else { last };
                self.held(asking, since, answer, connection, now, world);
            }
            (Command::Check, Answer::Ours(_)) => {
                let since = self.place.found(connection, world);
                let since = if earliest { since } else { last };
                self.held(asking, since, answer, connection, now, world);
            }
            (_, Answer::Old) if asking.swapping => {
                self.still_old(asking, connection, now, world);
            }
            (Command::Extend, _) | (_, Answer::Free) => {
                if world.keeps(Rule::FreeIsNotFinal) {
                    self.place.missed(connection);
                } else {
                    self.place.forget();
                }
                // Nothing is left to swap: what follows asks for the key by itself.
                let swapping = false;
                self.again(Asking { swapping, ..asking }, now, world);
            }
            _ => {
                self.place.missed(connection);
                let asked = now;
                // Where nothing is passed on nobody looks at it: fewer states.
                let in_line = if world.passing { awaited.sent } else { 0 };
                self.phase = Phase::Waiting { asked, in_line };
            }
        }
    }

    /// The swap has not run, or not yet.
    fn still_old(&mut self, asking: Asking, connection: u8, now: u8, world: &World) {
        if world.keeps(Rule::OldTokenIsNotFinal) {
            self.place.missed(connection);
            self.again(asking, now, world);
        } else {
            self.place.forget();
            self.tell(Command::Cad, self.token().previous(), self.connection);
            self.again(
                Asking {
                    swapping: false,
                    ..asking
                },
                now,
                world,
            );
        }
    }

    /// The token stood at the key, since no earlier than that. A deadline that is over is extended
    /// before anything is done under it.
    fn held(
        &mut self,
        asking: Asking,
        since: Option<u8>,
        answer: Answer,
        connection: u8,
        now: u8,
        world: &World,
    ) {
        // What was passed to us stands since we joined the line at the earliest, for a shorter time.
        let passed = world.passing && matches!(answer, Answer::Ours(_));
        let ttl = if passed { CLAIM } else { world.ttl };
        let since = if passed {
            since.into_iter().chain(asking.in_line).min()
        } else {
            since
        };
        match since {
            None => self.again(asking, now, world),
            Some(since) if now >= since + ttl && world.keeps(Rule::DeadlineFromSend) => {
                self.phase = Phase::Asking(Asking {
                    swapping: false,
                    ..asking
                });
                self.ask(Command::Extend, connection, now);
            }
            Some(since) => self.hold(since, ttl, answer, now, world),
        }
    }

    fn hold(&mut self, since: u8, ttl: u8, answer: Answer, now: u8, world: &World) {
        let (Answer::Done(grant) | Answer::Ours(grant)) = answer else {
            return;
        };
        let from_send = world.keeps(Rule::DeadlineFromSend);
        let from = if from_send { since } else { now };
        self.run_until(from + ttl, grant, now, world);
    }

    fn run_until(&mut self, deadline: u8, grant: Grant, now: u8, world: &World) {
        let settled = self.place.is_settled();
        self.place.without_times();
        self.phase = Phase::Held(Lease {
            deadline,
            refuted: false,
            settled,
            grant,
            taken_over: false,
            accessed: None,
        });
        if !world.keeps(Rule::ExpiryWithSet) {
            self.ask(Command::Extend, self.connection, now);
        }
    }

    /// The same token again, until the command deadline.
    fn again(&mut self, asking: Asking, now: u8, world: &World) {
        if now >= asking.give_up {
            return self.give_up(world);
        }
        let command = if asking.swapping {
            Command::Swap
        } else {
            Command::Set
        };
        self.phase = Phase::Asking(asking);
        self.ask(command, self.connection, now);
    }

    /// No answer. Only the script that drew a fence can tell it, so that a fenced call sends it
    /// again; others look at the key.
    pub(super) fn unanswered(&mut self, asking: Asking, command: Command, now: u8, world: &World) {
        if now >= asking.give_up {
            self.give_up(world);
        } else if world.fenced || command == Command::Check {
            self.again(asking, now, world);
        } else {
            self.phase = Phase::Asking(asking);
            self.ask(Command::Check, self.connection, now);
        }
    }

    /// The call ends, by itself or cancelled, without the lock: its token is deleted behind every
    /// SET that may have left it.
    pub(crate) fn give_up(&mut self, world: &World) {
        self.awaited = None;
        self.flight.unheard();
        let swapping = matches!(&self.phase, Phase::Asking(asking) if asking.swapping);
        let token = self.token();
        // Who stands in line may be passed the key at any time: the CAD also leaves the line.
        if self.place.may_stand() || swapping || world.passing {
            for connection in self.place.carriers(self.connection, world) {
                self.tell(Command::Cad, token, connection);
                if swapping {
                    self.tell(Command::Cad, token.previous(), connection);
                }
            }
        }
        self.end(Ended::Without);
    }
}
