//! How much may happen: the bounds within which every interleaving is visited.

use crate::network::Command;
use crate::rules::Rule;

/// The bounds of one exhaustive visit, and the rule it does without.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) name: &'static str,
    pub(crate) clients: u8,
    /// Acquire calls of each client, hand-overs included.
    pub(crate) calls: u8,
    /// Ticks until time stands still.
    pub(crate) ticks: u8,
    /// Ticks of a ttl.
    pub(crate) ttl: u8,
    /// Ticks for which a call asks before it gives up. An answer is waited for one tick.
    pub(crate) command_deadline: u8,
    /// A release passes the lock to who stands in line on the server, for one tick.
    pub(crate) passing: bool,
    /// Releases delete by a command that knows of no line, and pass on what they then find free.
    pub(crate) native: bool,
    /// Locks are taken by the script that draws a fence, and bodies use the resource.
    pub(crate) fenced: bool,
    pub(crate) faults: Faults,
    pub(crate) without: Option<Rule>,
}

/// What may still go wrong, and what may still be done without need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// Commands that take longer than a tick, for as long as you like.
    pub(crate) delays: u8,
    /// Commands or answers that get lost while their connection stays.
    pub(crate) losses: u8,
    /// Commands run a second time, any time later.
    pub(crate) copies: u8,
    /// Connections given up for a new one, while what was sent on them is still on its way.
    pub(crate) breaks: u8,
    /// Clients that stand still when they have something to do.
    pub(crate) pauses: u8,
    pub(crate) crashes: u8,
    /// Restarts of the server that lose its data.
    pub(crate) restarts: u8,
    /// Calls dropped before they were answered.
    pub(crate) cancels: u8,
    pub(crate) renewals: u8,
    pub(crate) hand_overs: u8,
    /// Releases with which the next call joins the line.
    pub(crate) rejoins: u8,
    /// News of a passed lock that come twice.
    pub(crate) echoes: u8,
    /// Deletions of the line.
    pub(crate) line_losses: u8,
    /// Deletions of the key by strangers.
    pub(crate) deletions: u8,
}

/// How long a lock that was passed on stays unless its receiver extends it, in ticks.
pub(crate) const CLAIM: u8 = 1;

impl World {
    pub(crate) fn keeps(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// The command that gives a token back.
    pub(crate) fn release(&self) -> Command {
        if self.passing {
            Command::Pass
        } else {
            Command::Cad
        }
    }

    pub(crate) fn without(self, rule: Rule) -> Self {
        Self {
            without: Some(rule),
            ..self
        }
    }

    pub(crate) fn new(name: &'static str, ticks: u8, faults: Faults) -> Self {
        Self {
            name,
            clients: 2,
            calls: 1,
            ticks,
            ttl: 2,
            command_deadline: 2,
            passing: false,
            native: false,
            fenced: false,
            faults,
            without: None,
        }
    }
}
