//! A held lock passed on in line, while the next call of the same client joins the line's end in the
//! same step.
//!
//! As in `handing` both calls are one client here. What the releaser sends again when it was not
//! answered is on its way while the other call asks by itself.

use super::client::{Asking, Client, Lease, Phase};
use super::handing::Releaser;
use super::line::Turn;
use crate::network::{Answer, Command, Passed};
use crate::rules::Rule;
use crate::world::World;

impl Client {
    pub(crate) fn passes(&self) -> bool {
        matches!(&self.phase, Phase::Asking(asking) if asking.pass.is_some())
    }

    /// What the release did that this call has joined the line with, as it is about to hear.
    pub(crate) fn passed(&self) -> Option<Passed> {
        match self.awaited.as_ref()?.answer? {
            Answer::Passed(passed) => Some(passed),
            _ => None,
        }
    }

    /// Ends the call of that lease, and begins the next.
    pub(crate) fn pass_on(&mut self, lease: Lease, now: u8, world: &World) {
        let token = self.token();
        let mut carriers = self.place.carriers(self.connection, world);
        carriers.retain(|&connection| connection != self.connection);
        self.flight.unheard();
        self.pass_joining(
            Releaser {
                late: !lease.is_alive(now),
                provable: lease.is_provable(world),
                taken_over: lease.taken_over,
            },
            now,
            world,
        );
        for connection in carriers {
            self.tell(world.release(), token, connection);
        }
    }

    /// The release is over, by a command that knows of no line; somebody stood there.
    pub(crate) fn pass_late(&mut self, now: u8, world: &World) {
        let releaser = Releaser {
            late: false,
            provable: false,
            taken_over: false,
        };
        self.pass_joining(releaser, now, world);
    }

    fn pass_joining(&mut self, releaser: Releaser, now: u8, world: &World) {
        self.next_call();
        self.phase = Phase::Asking(Asking {
            give_up: now + world.command_deadline,
            swap: None,
            pass: Some(releaser),
            turn: Turn::default(),
        });
        self.ask(Command::PassJoining, self.connection, now);
    }

    /// The first sending was answered.
    pub(super) fn has_passed(
        &mut self,
        passed: Passed,
        sent: u8,
        connection: u8,
        now: u8,
        world: &World,
    ) {
        self.place.missed(connection);
        let turn = if passed.joined {
            Turn::Since(sent)
        } else {
            Turn::Unsure
        };
        if passed.served {
            let from_send = world.keeps(Rule::NewsStartsNoLease);
            self.claim(if from_send { sent } else { now }, turn, now, world);
        } else {
            self.phase = Phase::Waiting { asked: now, turn };
        }
    }

    /// It was not: whoever joined with it asks by itself, at once, and does not know of its turns.
    pub(super) fn pass_again(&mut self, now: u8, world: &World) {
        if world.keeps(Rule::JoinerBehindEveryPass) {
            self.place.sending(now, self.connection);
        }
        self.tell(Command::PassJoining, self.token(), self.connection);
        self.phase = Phase::Waiting {
            asked: now.saturating_sub(1),
            turn: Turn::default().unheard(world),
        };
    }
}
