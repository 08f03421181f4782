//! A held lock passed on in line, while the next call of the same client joins the line's end in the
//! same step.
//!
//! As in `handing` both calls are one client here. The releaser carries its command to the end: it is
//! sent again as it was, and until it is answered the other call neither asks nor hears anything.

use super::client::{Asking, Awaited, Client, Lease, Phase};
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

    /// The release was answered, and stays so.
    pub(super) fn has_passed(
        &mut self,
        passed: Passed,
        asking: Asking,
        awaited: &Awaited,
        now: u8,
        world: &World,
    ) {
        self.place.missed(awaited.connection);
        let turn = asking.turn.joined(passed.joined, awaited.sent, world);
        if passed.served {
            let from_send = world.keeps(Rule::NewsStartsNoLease);
            match turn {
                Turn::Since(sent) => {
                    self.claim(if from_send { sent } else { now }, turn, now, world);
                }
                _ => self.set(turn, now, world),
            }
        } else {
            self.phase = Phase::Waiting { asked: now, turn };
        }
    }
}
