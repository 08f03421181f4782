//! The line on the server, as a waiting call sees it: the news that the key was passed to its token
//! may come any time late, twice, or not at all.

use super::client::{Awaited, Client, Phase};
use crate::network::{Answer, Command, Grant};
use crate::rules::Rule;
use crate::world::{CLAIM, World};

/// Since when the key can have been passed to a call's token, at the earliest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Turn {
    /// It has not asked yet, or nothing is passed on.
    #[default]
    Outside,
    /// Every SET with the token was answered; the first has joined, the others found it in line, the
    /// last of them sent at that time: it was never passed the key before.
    Since(u8),
    /// It may have had its turn unheard, and news of that may still come.
    Unsure,
}

impl Turn {
    /// A SET was answered with "not yours yet".
    pub(super) fn not_yet(self, awaited: &Awaited, answer: Answer, world: &World) -> Self {
        if !world.passing || awaited.command != Command::Set {
            return self;
        }
        self.joined(answer == Answer::Other, awaited.sent, world)
    }

    /// A command sent at that time has seen that the token is in line, now or for long.
    pub(super) fn joined(self, now: bool, sent: u8, world: &World) -> Self {
        let sound = match self {
            Self::Outside => now,
            Self::Since(_) => !now,
            Self::Unsure => false,
        };
        if sound || !world.keeps(Rule::OneTurnAToken) {
            Self::Since(sent)
        } else {
            Self::Unsure
        }
    }

    /// An answer stays out, or the turn that was heard of is over.
    pub(super) fn unheard(self, world: &World) -> Self {
        if world.passing && world.keeps(Rule::UnheardTurn) {
            Self::Unsure
        } else {
            self
        }
    }
}

impl Client {
    /// The news that the key was passed to this call's token. While the claim lasts for sure it runs
    /// at once, and extends meanwhile; else, or if it needs a fence, it asks first.
    pub(crate) fn hear(&mut self, now: u8, world: &World) {
        self.paused = false;
        self.news = false;
        let Phase::Waiting { turn, .. } = self.phase else {
            return;
        };
        let since = match turn {
            _ if !world.keeps(Rule::NewsStartsNoLease) => Some(now),
            Turn::Since(asked) => Some(asked),
            Turn::Outside | Turn::Unsure => None,
        };
        match since {
            Some(since) => self.claim(since, turn, now, world),
            None => self.set(turn, now, world),
        }
    }

    /// The key was passed to this call's token, no earlier than that.
    pub(super) fn claim(&mut self, since: u8, turn: Turn, now: u8, world: &World) {
        if world.fenced || now >= since + CLAIM {
            return self.set(turn, now, world);
        }
        self.place.passed(self.connection);
        self.run_until(since + CLAIM, Grant::default(), now, world);
        self.renew(now);
    }
}
