//! The server: one key, its expiry, its fence.

use crate::network::{Answer, Command, Grant, Passed, Request, Token};
use crate::rules::Rule;
use crate::world::{CLAIM, World};

/// Draws of a fence that may happen in one tick.
const DRAWS: u8 = 8;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    pub(crate) value: Option<Token>,
    expires: u8,
    /// When a command of the present value's owner last gave it its ttl.
    pub(crate) since: u8,
    /// It was passed on, and its receiver has not extended it yet.
    pub(crate) claimed: bool,
    /// Tokens that wait for the key to be passed to them, the longest first.
    pub(crate) line: Vec<Token>,
    fence: u8,
    /// What the present value's acquisition drew.
    grant: Grant,
    /// How many acquisitions there were.
    rank: u8,
    /// From its death until the next tick: no restart is as quick as the microseconds by which the
    /// fence may be ahead of the clock.
    pub(crate) down: bool,
    /// A CAD deleted a token that was not its own.
    pub(crate) robbed: bool,
}

impl Server {
    pub(crate) fn run(&mut self, request: &Request, now: u8, world: &World) -> Answer {
        let token = request.token;
        match request.command {
            Command::Set if self.value.is_none() => {
                let expires = if world.keeps(Rule::ExpiryWithSet) {
                    now + world.ttl
                } else {
                    u8::MAX
                };
                self.grant(token, expires, now, world)
            }
            Command::Swap if self.value == Some(token.previous()) => {
                self.grant(token, now + world.ttl, now, world)
            }
            Command::Extend if self.value == Some(token) => {
                self.extend(now, world);
                Answer::Done(self.grant)
            }
            Command::Set if world.passing && self.value == Some(token) => {
                self.found_again(token, now, world)
            }
            Command::Set if world.passing => {
                if self.joins(token) {
                    Answer::Other
                } else {
                    Answer::InLine
                }
            }
            Command::Cad => self.delete(token, world),
            Command::Pass => {
                self.leaves(token);
                self.pass(token, now, world)
            }
            Command::PassJoining => {
                let before = self.value;
                self.leaves(token.previous());
                let joined = self.joins(token);
                let answer = self.pass(token.previous(), now, world);
                Answer::Passed(Passed {
                    was_ours: answer == Answer::Deleted,
                    joined,
                    served: self.value == Some(token) && self.value != before,
                })
            }
            _ => self.compare(token),
        }
    }

    /// Whether it was not in line before.
    fn joins(&mut self, token: Token) -> bool {
        let joins = !self.line.contains(&token);
        if joins {
            self.line.push(token);
        }
        joins
    }

    fn leaves(&mut self, token: Token) {
        self.line.retain(|waiting| *waiting != token);
    }

    /// What was passed on, or granted unheard, is its owner's for a whole ttl.
    fn found_again(&mut self, token: Token, now: u8, world: &World) -> Answer {
        self.leaves(token);
        let passed = self.claimed;
        self.extend(now, world);
        if world.fenced && (passed || world.keeps(Rule::FoundDrawsAfresh)) {
            self.rank += 1;
            if world.keeps(Rule::FoundDrawsAfresh) {
                self.draw(now, world);
            }
            self.grant = Grant {
                fence: self.fence,
                rank: self.rank,
            };
        }
        Answer::Ours(self.grant)
    }

    fn extend(&mut self, now: u8, world: &World) {
        self.expires = now + world.ttl;
        self.since = now;
        self.claimed = false;
    }

    fn compare(&self, token: Token) -> Answer {
        match self.value {
            None => Answer::Free,
            Some(value) if value == token => Answer::Ours(self.grant),
            Some(value) if value == token.previous() => Answer::Old,
            Some(_) => Answer::Other,
        }
    }

    fn pass(&mut self, token: Token, now: u8, world: &World) -> Answer {
        let answer = self.delete(token, world);
        if matches!(answer, Answer::Deleted | Answer::Free) && !self.line.is_empty() {
            self.value = Some(self.line.remove(0));
            let bounded = world.keeps(Rule::ClaimIsShort);
            self.expires = now + if bounded { CLAIM } else { world.ttl };
            self.since = now;
            self.claimed = true;
        }
        answer
    }

    fn grant(&mut self, token: Token, expires: u8, now: u8, world: &World) -> Answer {
        self.leaves(token);
        self.value = Some(token);
        self.expires = expires;
        self.since = now;
        self.claimed = false;
        if world.fenced {
            self.draw(now, world);
            self.rank += 1;
            self.grant = Grant {
                fence: self.fence,
                rank: self.rank,
            };
        }
        Answer::Done(self.grant)
    }

    fn draw(&mut self, now: u8, world: &World) {
        let clock = if world.keeps(Rule::FenceFromTime) {
            (now + 1) * DRAWS
        } else {
            0
        };
        self.fence = clock.max(self.fence + 1);
    }

    fn delete(&mut self, token: Token, world: &World) -> Answer {
        match self.value {
            None => Answer::Free,
            Some(value) if value == token => {
                self.clear();
                Answer::Deleted
            }
            Some(_) if world.keeps(Rule::CompareBeforeDelete) => Answer::Other,
            Some(_) => {
                self.clear();
                self.robbed = true;
                Answer::Deleted
            }
        }
    }

    /// Also what a stranger's DEL does.
    pub(crate) fn clear(&mut self) {
        self.value = None;
        self.expires = 0;
        self.since = 0;
        self.claimed = false;
        self.grant = Grant::default();
    }

    pub(crate) fn tick(&mut self, now: u8) {
        self.down = false;
        if self.value.is_some() && self.expires <= now {
            self.clear();
        }
    }

    /// Dies, and comes back without its data. The time it is asked for goes on.
    pub(crate) fn forget(&mut self) {
        self.clear();
        self.line.clear();
        self.fence = 0;
        self.down = true;
    }
}
