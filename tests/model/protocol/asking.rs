//! An acquire call: SET, and a check if its answer stays out (`contender.rs` of the client). A hand-over is the
//! same with a swap in place of the SET.

use super::client::{Asking, Awaited, Client, Ended, Lease, Phase};
use super::line::Turn;
use crate::network::{Answer, Command, Grant};
use crate::rules::Rule;
use crate::world::World;

impl Client {
    pub(crate) fn start(&mut self, now: u8, world: &World) {
        self.next_call();
        self.set(Turn::default(), now, world);
    }

    /// Asks again for a lock that was busy, with the token it had before.
    pub(crate) fn poll(&mut self, now: u8, world: &World) {
        self.paused = false;
        if let Phase::Waiting { turn, .. } = self.phase {
            self.set(turn, now, world);
        }
    }

    pub(super) fn set(&mut self, turn: Turn, now: u8, world: &World) {
        self.phase = Phase::Asking(Asking {
            give_up: now + world.command_deadline,
            swap: None,
            pass: None,
            turn,
        });
        self.ask(Command::Set, self.connection, now);
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
        let earliest = world.keeps(match asking.swap {
            None => Rule::EarliestSetCounts,
            Some(_) => Rule::EarliestSwapCounts,
        });
        if let Answer::Passed(passed) = answer {
            return self.has_passed(passed, asking, awaited, now, world);
        }
        let last = self.place.last_sent();
        match (awaited.command, answer) {
            (Command::Extend, Answer::Done(_)) => {
                self.hold(awaited.sent, answer, now, world);
            }
            (Command::Set | Command::Swap, Answer::Done(_)) => {
                let since = self.place.granted(connection);
                self.held(asking, since, answer, connection, now, world);
            }
            (Command::Set | Command::Swap, Answer::Ours(_)) => {
                let since = self.place.found_by_set(connection, world);
                let since = if earliest { since } else { last };
                // The script that joins the line also extends what it finds ours.
                let extended = world.passing && awaited.command == Command::Set;
                let since = if extended { Some(awaited.sent) } else { since };
                self.held(asking, since, answer, connection, now, world);
            }
            (Command::Check, Answer::Ours(_)) => {
                let since = self.place.found(connection, world);
                let since = if earliest { since } else { last };
                let passed = world.passing && asking.swap.is_none();
                if passed && world.keeps(Rule::FoundIsExtended) {
                    // Whatever was sent may have found it there, passed on for a claim.
                    self.confirm(asking, connection, now);
                } else {
                    self.held(asking, since, answer, connection, now, world);
                }
            }
            (_, Answer::Old) if asking.swap.is_some() => {
                self.still_old(asking, connection, now, world);
            }
            (Command::Extend, _) | (_, Answer::Free) => {
                if world.keeps(Rule::FreeIsNotFinal) {
                    self.place.missed(connection);
                } else {
                    self.place.forget();
                }
                // Nothing is left to swap: what follows asks for the key by itself.
                let next = Asking {
                    swap: None,
                    turn: asking.turn.unheard(world),
                    ..asking
                };
                self.again(next, now, world);
            }
            _ => {
                self.place.missed(connection);
                let turn = asking.turn.not_yet(awaited, answer, world);
                self.phase = Phase::Waiting { asked: now, turn };
            }
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
        let swapped = asking.swap.is_some() && !world.keeps(Rule::SwapCountsFromSend);
        let since = if swapped { Some(now) } else { since };
        match since {
            None => self.again(asking, now, world),
            Some(since) if now >= since + world.ttl && world.keeps(Rule::DeadlineFromSend) => {
                self.confirm(asking, connection, now);
            }
            Some(since) => self.hold(since, answer, now, world),
        }
    }

    /// Extends the lease before anything is done under it.
    fn confirm(&mut self, asking: Asking, connection: u8, now: u8) {
        let swap = None;
        self.phase = Phase::Asking(Asking { swap, ..asking });
        self.ask(Command::Extend, connection, now);
    }

    fn hold(&mut self, since: u8, answer: Answer, now: u8, world: &World) {
        let (Answer::Done(grant) | Answer::Ours(grant)) = answer else {
            return;
        };
        let from_send = world.keeps(Rule::DeadlineFromSend);
        let from = if from_send { since } else { now };
        self.run_until(from + world.ttl, grant, now, world);
    }

    pub(super) fn run_until(&mut self, deadline: u8, grant: Grant, now: u8, world: &World) {
        let settled = self.place.is_settled();
        self.place.without_times();
        self.news = false;
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
    pub(super) fn again(&mut self, asking: Asking, now: u8, world: &World) {
        if now >= asking.give_up {
            return self.over(now, world);
        }
        let command = match (asking.swap, asking.pass) {
            (Some(_), _) => Command::Swap,
            (_, Some(_)) => Command::PassJoining,
            _ => Command::Set,
        };
        self.phase = Phase::Asking(asking);
        self.ask(command, self.connection, now);
        if asking.pass.is_some() && !world.keeps(Rule::JoinerBehindEveryPass) {
            self.place.forget_last();
        }
    }

    /// No answer. Only the script that drew a fence can tell it, so that a fenced call sends it
    /// again, as does a release; others look at the key.
    pub(super) fn unanswered(&mut self, asking: Asking, command: Command, now: u8, world: &World) {
        let scripted = world.fenced || asking.pass.is_some();
        let turn = asking.turn.unheard(world);
        let asking = Asking { turn, ..asking };
        if now >= asking.give_up {
            self.over(now, world);
        } else if scripted || command == Command::Check {
            self.again(asking, now, world);
        } else {
            self.phase = Phase::Asking(asking);
            self.ask(Command::Check, self.connection, now);
        }
    }

    /// The command deadline is over. Who was to be handed the lock, or to join the line, queues again.
    fn over(&mut self, now: u8, world: &World) {
        let queues = self.swap().is_some() || self.passes();
        self.give_up(world);
        if queues {
            self.queue_again(now);
        }
    }

    /// The call ends, by itself or cancelled, without the lock: its token is deleted behind every
    /// SET that may have left it.
    pub(crate) fn give_up(&mut self, world: &World) {
        self.awaited = None;
        self.flight.unheard();
        let (swaps, passes) = (self.swap().is_some(), self.passes());
        let armed = world.keeps(if passes {
            Rule::JoinerBeforePass
        } else {
            Rule::GuardBeforeSwap
        });
        // Who stands in line may be passed the key at any time.
        let in_line = world.passing && world.keeps(Rule::LeavesTheLine);
        if self.place.may_stand() || swaps || in_line {
            let token = self.token();
            for connection in self.place.carriers(self.connection, world) {
                if armed || !swaps && !passes {
                    self.tell(world.release(), token, connection);
                }
                if swaps || passes {
                    self.tell(world.release(), token.previous(), connection);
                }
            }
        }
        self.end(Ended::Without);
    }
}
