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

    fn new(name: &'static str, ticks: u8, faults: Faults) -> Self {
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

fn none() -> Faults {
    Faults::default()
}

pub(crate) fn delayed() -> World {
    let faults = Faults {
        delays: 1,
        breaks: 1,
        pauses: 1,
        ..none()
    };
    World::new("delayed", 5, faults)
}

pub(crate) fn lossy() -> World {
    let faults = Faults {
        losses: 1,
        breaks: 1,
        pauses: 1,
        ..none()
    };
    World::new("lossy", 5, faults)
}

pub(crate) fn renewed() -> World {
    let faults = Faults {
        delays: 1,
        losses: 1,
        renewals: 2,
        ..none()
    };
    World {
        ttl: 3,
        ..World::new("renewed", 6, faults)
    }
}

pub(crate) fn handed_over() -> World {
    let faults = Faults {
        breaks: 1,
        pauses: 1,
        hand_overs: 1,
        ..none()
    };
    World {
        calls: 2,
        ..World::new("handed over", 4, faults)
    }
}

/// Who is handed the lock gives up, or its process dies.
pub(crate) fn handed_in_vain() -> World {
    let faults = Faults {
        breaks: 1,
        cancels: 1,
        crashes: 1,
        hand_overs: 1,
        ..none()
    };
    World {
        calls: 2,
        ..World::new("handed in vain", 3, faults)
    }
}

pub(crate) fn passed_on() -> World {
    let faults = Faults {
        breaks: 1,
        pauses: 1,
        ..none()
    };
    World {
        calls: 2,
        passing: true,
        ..World::new("passed on", 3, faults)
    }
}

/// News come twice, the line gets lost, who stands in it leaves.
pub(crate) fn disordered() -> World {
    let faults = Faults {
        echoes: 1,
        line_losses: 1,
        cancels: 1,
        ..none()
    };
    World {
        calls: 2,
        passing: true,
        ..World::new("disordered", 3, faults)
    }
}

/// Who stands in line before another is dead.
pub(crate) fn dead_in_line() -> World {
    let faults = Faults {
        crashes: 1,
        ..none()
    };
    World {
        clients: 3,
        passing: true,
        ..World::new("dead in line", 4, faults)
    }
}

/// Who waits joins the line with the release of another of its client.
pub(crate) fn joined() -> World {
    let faults = Faults {
        breaks: 1,
        pauses: 1,
        rejoins: 1,
        ..none()
    };
    World {
        calls: 2,
        passing: true,
        ..World::new("joined", 3, faults)
    }
}

/// It does, and gives up.
pub(crate) fn joined_in_vain() -> World {
    let faults = Faults {
        breaks: 1,
        cancels: 1,
        rejoins: 1,
        ..none()
    };
    World {
        calls: 2,
        passing: true,
        ..World::new("joined in vain", 3, faults)
    }
}

/// Releases know of no line, and are followed by what finds the key free.
pub(crate) fn native() -> World {
    let faults = Faults {
        breaks: 1,
        rejoins: 1,
        ..none()
    };
    World {
        calls: 2,
        passing: true,
        native: true,
        ..World::new("native", 3, faults)
    }
}

/// Strangers delete the key.
pub(crate) fn meddled() -> World {
    let faults = Faults {
        deletions: 1,
        echoes: 1,
        rejoins: 1,
        ..none()
    };
    World {
        calls: 2,
        passing: true,
        ..World::new("meddled", 3, faults)
    }
}

/// Fences are drawn by who is passed a lock.
pub(crate) fn fenced_in_line() -> World {
    let faults = Faults {
        cancels: 1,
        ..none()
    };
    World {
        clients: 3,
        passing: true,
        fenced: true,
        ..World::new("fenced in line", 3, faults)
    }
}

/// Some are served in their own client, some in line.
pub(crate) fn handed_and_passed() -> World {
    let faults = Faults {
        breaks: 1,
        hand_overs: 1,
        ..none()
    };
    World {
        calls: 2,
        passing: true,
        ..World::new("handed and passed", 3, faults)
    }
}

pub(crate) fn deadly() -> World {
    let faults = Faults {
        delays: 1,
        breaks: 1,
        crashes: 1,
        cancels: 1,
        ..none()
    };
    World::new("deadly", 5, faults)
}

pub(crate) fn forgetful() -> World {
    let faults = Faults {
        delays: 1,
        restarts: 1,
        pauses: 1,
        ..none()
    };
    World {
        fenced: true,
        ..World::new("forgetful", 4, faults)
    }
}

pub(crate) fn copied() -> World {
    let faults = Faults {
        copies: 1,
        breaks: 1,
        pauses: 1,
        ..none()
    };
    World::new("copied", 4, faults)
}

pub(crate) fn crowded() -> World {
    let faults = Faults {
        delays: 1,
        ..none()
    };
    World {
        clients: 3,
        ..World::new("crowded", 4, faults)
    }
}

/// Seconds to visit each.
pub(crate) fn small() -> Vec<World> {
    vec![
        delayed(),
        lossy(),
        renewed(),
        handed_over(),
        handed_in_vain(),
        passed_on(),
        disordered(),
        dead_in_line(),
        joined(),
        joined_in_vain(),
        native(),
        meddled(),
        fenced_in_line(),
        handed_and_passed(),
        deadly(),
        forgetful(),
        copied(),
        crowded(),
    ]
}

/// The same with more faults or more time: minutes each.
pub(crate) fn large() -> Vec<World> {
    let with = |world: World, name, ticks, change: fn(&mut Faults)| {
        let mut faults = world.faults.clone();
        change(&mut faults);
        World {
            name,
            ticks,
            faults,
            ..world
        }
    };
    vec![
        with(delayed(), "delayed twice", 6, |faults| {
            faults.delays = 2;
        }),
        with(lossy(), "lossy and delayed", 5, |faults| faults.delays = 1),
        with(renewed(), "renewed and paused", 6, |faults| {
            faults.pauses = 1;
        }),
        with(handed_over(), "handed over and delayed", 4, |faults| {
            faults.delays = 1;
        }),
        with(handed_in_vain(), "handed in vain for longer", 4, |_| {}),
        with(passed_on(), "passed on for longer", 4, |_| {}),
        with(disordered(), "disordered and delayed", 3, |faults| {
            faults.delays = 1;
        }),
        with(dead_in_line(), "dead in line, news twice", 4, |faults| {
            faults.echoes = 1;
        }),
        with(
            handed_and_passed(),
            "handed and passed in vain",
            3,
            |faults| {
                faults.cancels = 1;
            },
        ),
        with(forgetful(), "forgetful for longer", 6, |_| {}),
        with(copied(), "copied for longer", 6, |_| {}),
        with(
            crowded(),
            "crowded, with a broken connection",
            4,
            |faults| {
                faults.breaks = 1;
            },
        ),
    ]
}
