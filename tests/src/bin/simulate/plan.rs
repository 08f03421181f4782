//! What a seed is about: a run in which everything fails shows less than many that differ.

use std::fmt;

use tests::Chance;

use crate::run::CLIENTS;
use crate::server::rights::{Denied, RIGHTS};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    Hold,
    Partition,
    PartitionOneWay,
    Loss,
    ServerRestart,
    ServerDataLoss,
    ServerStop,
    ClientCrash,
    ScriptFlush,
    Delay,
    /// All keys are deleted, and the server goes on.
    Flush,
    /// All lines are.
    LinesLost,
    /// The connections on which clients are told.
    NewsCut,
    /// What the user may do changes.
    Rights,
}

const FAULTS: [Fault; 14] = [
    Fault::Hold,
    Fault::Partition,
    Fault::PartitionOneWay,
    Fault::Loss,
    Fault::ServerRestart,
    Fault::ServerDataLoss,
    Fault::ServerStop,
    Fault::ClientCrash,
    Fault::ScriptFlush,
    Fault::Delay,
    Fault::Flush,
    Fault::LinesLost,
    Fault::NewsCut,
    Fault::Rights,
];

pub(crate) struct Plan {
    /// Faults of links and processes, one at a time.
    pub(crate) faults: Vec<Fault>,
    /// Pause between two of them, at most.
    pub(crate) pause: u64,
    /// Latency of a message, at most, in ms.
    pub(crate) latency: u64,
    /// Of a hundred commands, how many are stalled before they run, or their answers.
    pub(crate) stalls: u64,
    /// How long, at most, in ms.
    pub(crate) stall: u64,
    /// Of a hundred commands, at how many the server resets the connection.
    pub(crate) resets: u64,
    /// Whether the clocks of clients jump, as those of processes that were stopped.
    pub(crate) jumps: bool,
    /// Of a hundred calls, how many are dropped at some await.
    pub(crate) cuts: u64,
    /// The shortest ttl, in ms.
    pub(crate) ttl: u64,
    /// Of a hundred calls, how many let a body run on after the loss.
    pub(crate) finishing: u64,
    /// Of a hundred pieces of news, how many the server keeps to itself.
    pub(crate) deaf: u64,
    /// Of a hundred commands, how many find the memory full.
    pub(crate) full: u64,
    /// What the server's user may not do, at first.
    pub(crate) denied: Option<Denied>,
}

impl Plan {
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        let some = chance.one_of(&[0, 30, 60, 100]);
        let faults = FAULTS.into_iter().filter(|_| chance.percent(some));
        Self {
            faults: faults.collect(),
            pause: chance.one_of(&[60, 150, 400]),
            latency: chance.one_of(&[3, 10, 40, 120]),
            stalls: chance.one_of(&[0, 2, 5, 10]),
            stall: chance.one_of(&[60, 250, 600]),
            resets: chance.one_of(&[0, 0, 1, 3]),
            jumps: chance.percent(40),
            cuts: chance.one_of(&[0, 15, 40]),
            ttl: chance.one_of(&[15, 30, 100]),
            finishing: chance.one_of(&[10, 30, 60]),
            deaf: chance.one_of(&[0, 0, 5, 100]),
            full: chance.one_of(&[0, 0, 10, 40]),
            denied: Self::denied(chance, 30),
        }
    }

    /// With so many chances of a hundred something.
    pub(crate) fn denied(chance: &mut Chance, some: u64) -> Option<Denied> {
        let some = chance.percent(some);
        some.then(|| Denied {
            right: chance.one_of(&RIGHTS),
            host: chance.percent(50).then(|| chance.one_of(&CLIENTS)),
        })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            faults,
            pause,
            latency,
            stalls,
            stall,
            resets,
            jumps,
            cuts,
            ttl,
            finishing,
            deaf,
            full,
            denied,
        } = self;
        write!(
            f,
            "faults {faults:?} every {pause} ms, latency {latency} ms, {stalls} % stalled for {stall} ms, \
             {resets} % reset, jumps {jumps}, {cuts} % cut, ttl from {ttl} ms, {finishing} % finish, \
             {deaf} % of news kept, {full} % find the memory full, denied {denied:?}"
        )
    }
}
