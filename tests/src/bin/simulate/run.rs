//! One seed, from beginning to end.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use turmoil::{Builder, Sim};

use crate::client::{self, ACTORS};
use crate::invariants;
use crate::nemesis::Nemesis;
use crate::server;
use crate::server::line::Entry;
use crate::world::{self, Phase, World};

pub(crate) const CLIENTS: [&str; 2] = ["a", "b"];

const TICK: Duration = Duration::from_millis(1);
const CHAOS: Duration = Duration::from_secs(2);
/// After it the server's last stall is over and what was under way has arrived.
const SETTLING: Duration = Duration::from_millis(650);
/// The longest that calls may take to end once nothing fails any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// For the last releases, on a calm network, and the claim of a head that is dead.
const LAST_RELEASES: Duration = Duration::from_millis(260);
/// For what was taken before the network became calm: the longest ttl, and a stall.
const LONGEST_TTL: Duration = Duration::from_millis(1_200);

/// A line: the longest wait, and ten seconds.
const LONGEST_LINE: Duration = Duration::from_secs(31);

/// Locks that went from one waiter to the next without having been free, within a client and between
/// clients.
pub(crate) const HANDED_OVER: &str = "handed over";
pub(crate) const KEPT: &str = "kept for a shortest hold";
pub(crate) const PASSED_ON: &str = "passed on";

pub(crate) struct Ended {
    pub(crate) violations: Vec<String>,
    pub(crate) steps: u64,
    pub(crate) digest: u64,
    pub(crate) history: String,
    pub(crate) counts: BTreeMap<String, usize>,
}

/// Of all tasks, the client's own ones, too: a runtime keeps what it catches to itself.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn note(panic: &PanicHookInfo<'_>) {
    let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
    let text = panic.payload_as_str().unwrap_or_default();
    let place = panic.location().map(ToString::to_string);
    panics.push(format!("panic: {text} at {}", place.unwrap_or_default()));
}

pub(crate) fn run(seed: u64) -> Ended {
    world::replace(Some(World::new(seed)));
    lock_runtime::__simulation::seed(Some(seed));
    panic::set_hook(Box::new(note));
    let steps = catch_unwind(AssertUnwindSafe(|| live(seed)));
    lock_runtime::__simulation::seed(None);
    let mut world = world::replace(None).expect("this run's");
    for panic in std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner)) {
        world.object(panic);
    }
    let steps = steps.unwrap_or(0);
    invariants::check_stays(&mut world);
    let (handed_over, passed_on) = (world.keyspace.handed_over, world.keyspace.passed_on);
    world.counts.insert(HANDED_OVER.to_owned(), handed_over);
    world.counts.insert(PASSED_ON.to_owned(), passed_on);
    world.counts.insert(KEPT.to_owned(), world.stays.len());
    let free = world.longest_free.as_millis().div_ceil(50) * 50;
    world.count(format!("free for up to {free:>4} ms while waited for"));
    Ended {
        violations: world.violations,
        steps,
        digest: world.history.digest(),
        history: world.history.text().to_owned(),
        counts: world.counts,
    }
}

fn simulation(seed: u64) -> Sim<'static> {
    let latency = world::with(|world| world.plan.latency);
    let mut sim = Builder::new()
        .rng_seed(seed)
        .epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        .simulation_duration(Duration::from_mins(10))
        .tick_duration(TICK)
        // At least a tick: hosts are stepped one after the other.
        .min_message_latency(TICK)
        .max_message_latency(Duration::from_millis(latency))
        .tcp_capacity(1024)
        .build();
    // The server last: within a step it must not be ahead of its clients.
    for client in CLIENTS {
        sim.host(client, move || client::process(client));
    }
    sim.host("server", server::serve);
    world::with(|world| {
        for client in CLIENTS {
            world.hosts.insert(sim.lookup(client), client);
        }
        let plan = world.plan.to_string();
        world.tell("plan", format_args!("{plan}"));
    });
    sim
}

fn live(seed: u64) -> u64 {
    let mut sim = simulation(seed);
    let mut nemesis = Nemesis::new();
    let mut steps = 0;
    let mut calm = Duration::ZERO;
    // When what is waited for in the present phase came true.
    let mut since = None;
    loop {
        let phase = world::phase();
        if phase == Phase::Chaos {
            nemesis.step(&mut sim);
        }
        let stepped = sim.step();
        steps += 1;
        let now = sim.elapsed();
        world::with(|world| {
            world.now = now;
            if let Err(error) = stepped {
                world.object(format!("a host failed: {error}"));
            }
            for (key, token) in world.keyspace.expire(now) {
                let token = world.history.name(&token);
                world.tell("server", format_args!("{key} expires with {token}"));
            }
            server::deliver(world);
            invariants::check_step(world);
        });
        if phase != Phase::Chaos && now > calm + PATIENCE {
            world::object(format!("stuck, {phase:?} does not end"));
            break;
        }
        if phase == Phase::Chaos {
            if now >= CHAOS {
                nemesis.end(&mut sim);
                enter(Phase::Settling);
                calm = now;
            }
            continue;
        }
        let all = CLIENTS.len() * ACTORS;
        let (arrived, closed) = world::with(|world| (world.arrived, world.closed));
        let reached = match phase {
            Phase::Settling => arrived == all && now >= calm + SETTLING,
            Phase::Clean => arrived == 2 * all,
            _ => closed == CLIENTS.len(),
        };
        if !reached {
            continue;
        }
        let waited = now.saturating_sub(*since.get_or_insert(now));
        match phase {
            Phase::Settling => {
                enter(Phase::Clean);
                calm = now;
                since = None;
            }
            Phase::Clean if waited >= LAST_RELEASES => {
                object_to_left(calm);
                object_to_heads(calm);
                enter(Phase::Closing);
                since = None;
            }
            Phase::Closing => {
                if world::with(|world| world.keyspace.locks().count()) == 0 {
                    break;
                }
                if waited > LONGEST_TTL {
                    object_to_left(Duration::ZERO);
                    break;
                }
            }
            _ => {}
        }
    }
    steps
}

fn enter(phase: Phase) {
    world::with(|world| {
        world.phase = phase;
        // All who live have arrived.
        world.waiting.clear();
        world.tell("===", format_args!("{phase:?}"));
    });
}

/// Whoever joined a line has left it, and the line does not stay for whoever died in it.
fn object_to_heads(calm: Duration) {
    world::with(|world| {
        let left: Vec<_> = world.keyspace.lines.joined_since(calm).cloned().collect();
        for head in left {
            let name = Entry::read(&head.entry).map(|entry| world.history.name(entry.token));
            let name = name.unwrap_or(head.entry);
            world.object(format!("{name} stands in line though nobody waits"));
        }
        let end = world.keyspace.lines.end().unwrap_or_default();
        if end > world.now + LONGEST_LINE {
            world.object(format!("a line is kept until {} ms", end.as_millis()));
        }
    });
}

fn object_to_left(calm: Duration) {
    world::with(|world| {
        for key in invariants::check_left(&world.keyspace, calm) {
            world.object(format!("{key} is left though nobody holds it"));
        }
    });
}
