//! Faults of links and processes.

use std::time::Duration;

use turmoil::Sim;

use crate::plan::{Fault, Plan};
use crate::run::CLIENTS;
use crate::server;
use crate::world;

/// Does one thing after the other, and mends it.
pub(crate) struct Nemesis {
    next: Duration,
    mends: Vec<(Duration, Mend)>,
}

#[derive(Clone, Copy)]
enum Mend {
    Release(&'static str),
    Repair(&'static str),
    NoLoss(&'static str),
    Bounce(&'static str),
}

impl Nemesis {
    pub(crate) fn new() -> Self {
        let next = world::chance(|chance| chance.millis(20..150));
        Self {
            next,
            mends: Vec::new(),
        }
    }

    pub(crate) fn step(&mut self, sim: &mut Sim<'_>) {
        let now = world::with(|world| world.now);
        let due = |mend: &(Duration, Mend)| mend.0 <= now;
        for (_, mend) in self.mends.extract_if(.., |mend| due(mend)) {
            repair(mend, sim);
        }
        if now < self.next {
            return;
        }
        let drawn = world::with(|world| {
            let pause = world.plan.pause;
            self.next = now + world.chance.millis(5..pause);
            let faults = &world.plan.faults;
            if faults.is_empty() {
                return None;
            }
            let fault = world.chance.one_of(faults);
            Some((
                fault,
                world.chance.one_of(&CLIENTS),
                world.chance.millis(5..300),
            ))
        });
        let Some((fault, client, length)) = drawn else {
            return;
        };
        if let Some(mend) = break_something(fault, client, length, sim) {
            self.mends.push((now + length, mend));
            // A link is in one state, a process is killed once.
            self.next = self.next.max(now + length + Duration::from_millis(1));
        }
    }

    /// Mends everything at once.
    pub(crate) fn end(&mut self, sim: &mut Sim<'_>) {
        for (_, mend) in self.mends.drain(..) {
            repair(mend, sim);
        }
        world::with(|world| {
            world.stopped_until = Duration::ZERO;
            world.loading_until = Duration::ZERO;
        });
        sim.set_max_message_latency(Duration::from_millis(3));
    }
}

fn repair(mend: Mend, sim: &mut Sim<'_>) {
    match mend {
        Mend::Release(client) => {
            sim.release("server", client);
            world::tell("net", format_args!("{client} is let go"));
        }
        Mend::Repair(client) => {
            sim.repair("server", client);
            world::tell("net", format_args!("{client} is joined again"));
        }
        Mend::NoLoss(client) => {
            sim.set_link_fail_rate("server", client, 0.0);
            world::tell("net", format_args!("{client} loses nothing more"));
        }
        Mend::Bounce(host) => {
            world::tell("net", format_args!("{host} is started"));
            sim.bounce(host);
        }
    }
}

fn break_something(
    fault: Fault,
    client: &'static str,
    length: Duration,
    sim: &mut Sim<'_>,
) -> Option<Mend> {
    let tell = |what: &str| world::tell("net", format_args!("{what}"));
    match fault {
        Fault::Hold => {
            tell(&format!("{client} is held up"));
            sim.hold("server", client);
            Some(Mend::Release(client))
        }
        Fault::Partition => {
            tell(&format!("{client} is cut off"));
            sim.partition("server", client);
            Some(Mend::Repair(client))
        }
        Fault::PartitionOneWay => {
            let there = world::chance(|chance| chance.percent(50));
            let (from, to) = if there {
                (client, "server")
            } else {
                ("server", client)
            };
            tell(&format!("nothing comes from {from} to {to}"));
            sim.partition_oneway(from, to);
            Some(Mend::Repair(client))
        }
        Fault::Loss => {
            tell(&format!("{client} loses messages"));
            sim.set_link_fail_rate("server", client, 0.2);
            Some(Mend::NoLoss(client))
        }
        Fault::ServerRestart | Fault::ServerDataLoss => {
            let forgets = fault == Fault::ServerDataLoss;
            tell(if forgets {
                "the server is killed and loses its data"
            } else {
                "the server is killed"
            });
            sim.crash("server");
            world::with(|world| {
                if forgets {
                    world.keyspace.forget(world.now);
                }
                world.keyspace.forget_scripts();
                let loading = world.chance.millis(0..120);
                world.loading_until = world.now + length + loading;
            });
            Some(Mend::Bounce("server"))
        }
        Fault::ServerStop => {
            tell("the server is stopped");
            world::with(|world| world.stopped_until = world.now + length);
            None
        }
        Fault::ClientCrash => {
            tell(&format!("{client} is killed"));
            sim.crash(client);
            Some(Mend::Bounce(client))
        }
        Fault::ScriptFlush => {
            tell("the server forgets its scripts");
            world::with(|world| world.keyspace.forget_scripts());
            None
        }
        Fault::Flush => {
            tell("all keys are deleted");
            world::with(|world| {
                world.keyspace.forget(world.now);
                server::deliver(world);
            });
            None
        }
        Fault::LinesLost => {
            tell("all lines are deleted");
            world::with(|world| world.keyspace.lines.forget());
            None
        }
        Fault::NewsCut => {
            world::with(|world| {
                for connection in world.keyspace.news.listening() {
                    if let Some(name) = world.connections.cut(connection) {
                        let what = format_args!("{name} is reset");
                        world.history.tell(world.now, "net", what);
                    }
                }
            });
            None
        }
        Fault::Rights => {
            world::with(|world| {
                let denied = Plan::denied(&mut world.chance, 60);
                world.keyspace.denied = denied;
                world.tell("net", format_args!("from now on denied: {denied:?}"));
            });
            None
        }
        Fault::Delay => {
            let latency = world::chance(|chance| chance.millis(2..200));
            tell(&format!("messages take up to {} ms", latency.as_millis()));
            sim.set_max_message_latency(latency);
            None
        }
    }
}
