//! The worlds that are visited, each for its own kind of faults.

use crate::world::{Faults, World};

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
        ..World::new("joined", 2, faults)
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
        ..World::new("joined in vain", 2, faults)
    }
}

/// The same on one connection after the other.
pub(crate) fn joined_again_in_vain() -> World {
    let mut world = joined_in_vain();
    world.name = "joined again in vain";
    world.faults.breaks = 2;
    world
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
        with(joined(), "joined for longer", 3, |_| {}),
        with(joined(), "joined, with losses", 3, |faults| {
            faults.breaks = 0;
            faults.losses = 1;
        }),
        joined_again_in_vain(),
        with(native(), "native and paused", 3, |faults| faults.pauses = 1),
        with(meddled(), "meddled with, the line too", 3, |faults| {
            faults.line_losses = 1;
            faults.pauses = 1;
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
