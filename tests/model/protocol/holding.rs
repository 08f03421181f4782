//! A held lock: its renewal (`renewal.rs`, `lease.rs`), and its end (`guard.rs`, `worker.rs`).
//!
//! Left out: the check after a renewal without an answer, which can only lose the lock sooner, and
//! the worker's tries after its caller has stopped waiting, which only delete our own token sooner
//! than its expiry.

use super::client::{Client, Ended, Lease, Phase, Releasing, Timing};
use crate::network::{Answer, Command};
use crate::rules::Rule;
use crate::world::World;

impl Client {
    pub(crate) fn may_renew(&self, now: u8) -> bool {
        self.awaited.is_none() && self.may_act(now)
    }

    pub(crate) fn renew(&mut self, now: u8) {
        self.ask(Command::Extend, self.connection, now);
    }

    pub(super) fn renewed(
        &mut self,
        mut lease: Lease,
        sent: u8,
        answer: Answer,
        now: u8,
        world: &World,
    ) {
        if !matches!(answer, Answer::Done(_)) {
            lease.refuted = true;
        } else if lease.is_alive(now) {
            let from = if world.keeps(Rule::DeadlineFromSend) {
                sent
            } else {
                now
            };
            lease.deadline = from + world.ttl;
        }
        self.phase = Phase::Held(lease);
    }

    pub(super) fn renewal_unanswered(
        &mut self,
        mut lease: Lease,
        sent: u8,
        now: u8,
        world: &World,
    ) {
        if !world.keeps(Rule::AmbiguousMovesNothing) && lease.is_alive(now) {
            lease.deadline = sent + world.ttl;
        }
        self.phase = Phase::Held(lease);
    }

    /// The body ends, in time or not, and the lock is given back: behind the last command, and
    /// behind every SET that may still land.
    pub(crate) fn finish(&mut self, lease: Lease, now: u8, world: &World) {
        self.flight.unheard();
        let token = self.token();
        let carriers = self.place.carriers(self.connection, world);
        // It does not leave the line: who has heard all answers does not stand there.
        let native = world.native && self.place.is_settled();
        let release = if native {
            Command::Cad
        } else {
            world.release()
        };
        self.ask(release, carriers[0], now);
        for &connection in &carriers[1..] {
            self.tell(world.release(), token, connection);
        }
        let provable = lease.is_provable(world);
        self.phase = Phase::Releasing(Releasing {
            timing: if lease.is_alive(now) {
                Timing::InTime
            } else {
                Timing::Late { provable }
            },
            native,
            first: true,
            limit: now + world.command_deadline,
            taken_over: lease.taken_over,
        });
    }

    /// Gives whether a result stands that should not.
    pub(super) fn released(&mut self, releasing: Releasing, answer: Answer, world: &World) -> bool {
        if releasing.native {
            // Somebody may stand in line.
            self.tell(world.release(), self.token(), self.connection);
        }
        let deleted = answer == Answer::Deleted;
        let stands = match releasing.timing {
            // The answer to a later sending may tell of the first one's work.
            Timing::InTime => deleted || !releasing.first,
            Timing::Late { provable } => deleted && provable,
        };
        self.conclude(releasing, stands)
    }

    pub(super) fn release_unanswered(&mut self, releasing: Releasing, now: u8, world: &World) {
        if now < releasing.limit {
            self.phase = Phase::Releasing(Releasing {
                first: false,
                native: false,
                ..releasing
            });
            self.ask(world.release(), self.connection, now);
        } else {
            self.conclude(releasing, releasing.timing == Timing::InTime);
        }
    }

    fn conclude(&mut self, releasing: Releasing, stands: bool) -> bool {
        let late = releasing.timing != Timing::InTime;
        self.end(if stands {
            Ended::Stands { late }
        } else {
            Ended::Lost
        });
        stands && late && releasing.taken_over
    }
}
