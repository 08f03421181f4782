//! A held lock handed to the next call of the same client, by a swap of tokens.
//!
//! The releaser and the waiter are one client here: its call ends, and the next one begins with the
//! swap. The waiter carries the swap to its end, so that a releaser that is dropped changes nothing.

use super::client::{Asking, Client, Lease, Phase};
use super::line::Turn;
use crate::network::{Answer, Command};
use crate::rules::Rule;
use crate::world::World;

/// What the result of the body depends on whose lock is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Releaser {
    /// It ended after its deadline.
    pub(super) late: bool,
    /// Whether finding its token proves that it stood all along.
    pub(super) provable: bool,
    /// Somebody else had been given the lock by then.
    pub(super) taken_over: bool,
}

impl Releaser {
    /// Whether the answer lets a result stand that should not. A late body's stands if the old
    /// token is found, or has been swapped: only from the old one the new one can come.
    pub(super) fn stands_falsely(self, answer: Answer, world: &World) -> bool {
        let proof = match answer {
            Answer::Done(_) | Answer::Ours(_) | Answer::Old => true,
            Answer::Passed(passed) => {
                passed.was_ours || passed.served && !world.keeps(Rule::ServedProvesNothing)
            }
            _ => false,
        };
        proof && self.late && self.provable && self.taken_over
    }
}

impl Client {
    pub(super) fn swap(&self) -> Option<Releaser> {
        match &self.phase {
            Phase::Asking(asking) => asking.swap,
            _ => None,
        }
    }

    /// What is replaced must not come back; and a late body's lock must count as ours.
    pub(crate) fn may_hand_over(&self, lease: Lease, now: u8, world: &World) -> bool {
        let settled = self.place.is_settled();
        if lease.is_alive(now) {
            settled || !world.keeps(Rule::SettledHandsOver)
        } else {
            settled && !lease.refuted || !world.keeps(Rule::LateHandsOverIfMine)
        }
    }

    /// Gives the lock to the next call of this client. Its guard is armed before the swap is sent:
    /// whatever comes of it, its token is released.
    pub(crate) fn hand_over(&mut self, lease: Lease, now: u8, world: &World) {
        self.flight.unheard();
        self.next_call();
        self.phase = Phase::Asking(Asking {
            give_up: now + world.command_deadline,
            swap: Some(Releaser {
                late: !lease.is_alive(now),
                provable: true,
                taken_over: lease.taken_over,
            }),
            pass: None,
            turn: Turn::default(),
        });
        self.ask(Command::Swap, self.connection, now);
    }

    /// The swap has not run, or not yet.
    pub(super) fn still_old(&mut self, asking: Asking, connection: u8, now: u8, world: &World) {
        if world.keeps(Rule::OldTokenIsNotFinal) {
            self.place.missed(connection);
            return self.again(asking, now, world);
        }
        self.place.forget();
        self.tell(Command::Cad, self.token().previous(), self.connection);
        let swap = None;
        self.again(Asking { swap, ..asking }, now, world);
    }

    /// Nobody knows what became of the swap, and both tokens are being deleted: the waiter goes on
    /// with a fresh one, and asks before time goes on.
    pub(super) fn queue_again(&mut self, now: u8) {
        self.next_call();
        self.phase = Phase::Waiting {
            asked: now.saturating_sub(1),
            turn: Turn::default(),
        };
    }
}
