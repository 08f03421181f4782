//! All that one seed's run shares: one run at a time in each thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use lock_runtime::FencedRegister;

use crate::history::History;
use crate::invariants::Trusts;
use crate::plan::Plan;
use crate::server::Connections;
use crate::server::keyspace::Keyspace;
use tests::Chance;

/// Lock keys, without the client's prefix.
pub(crate) const KEYS: usize = 2;

/// What a call may take for itself and for its release, beyond its `wait`.
pub(crate) const COMMAND_DEADLINE: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub(crate) enum Phase {
    /// Everything fails.
    Chaos,
    /// Nothing fails any more; what is under way ends.
    Settling,
    /// Calls on a network that works: all must be served, and leave nothing.
    Clean,
    /// The clients shut down.
    Closing,
}

pub(crate) struct World {
    /// The beginning of the present step.
    pub(crate) now: Duration,
    pub(crate) phase: Phase,
    pub(crate) plan: Plan,
    pub(crate) chance: Chance,
    pub(crate) history: History,
    pub(crate) keyspace: Keyspace,
    pub(crate) connections: Connections,
    pub(crate) trusts: Trusts,
    pub(crate) violations: Vec<String>,
    pub(crate) counts: BTreeMap<String, usize>,
    pub(crate) hosts: BTreeMap<IpAddr, &'static str>,
    /// By how much each client's clock has jumped, as that of a process which was stopped.
    pub(crate) jumped: BTreeMap<&'static str, Duration>,
    pub(crate) resources: Vec<Resource>,
    /// Which connection a token was last sent on, but for its release.
    pub(crate) carriers: BTreeMap<String, String>,
    /// Each sending of a token's release: whether on that same connection.
    pub(crate) releases: BTreeMap<String, Vec<bool>>,
    /// Tokens that were held, and until when their keys have to stay.
    pub(crate) stays: BTreeMap<String, Duration>,
    /// Who waits for which key, and since when.
    pub(crate) waiting: BTreeMap<&'static str, (usize, Duration)>,
    /// The longest that a key was free while somebody waited for it, on a calm network.
    pub(crate) longest_free: Duration,
    /// Actors that have come to the end of the phase.
    pub(crate) arrived: usize,
    pub(crate) closed: usize,
    /// The server stands still until then.
    pub(crate) stopped_until: Duration,
    /// The server answers `LOADING` until then.
    pub(crate) loading_until: Duration,
}

/// What a fenced lock protects: a counter.
#[derive(Default)]
pub(crate) struct Resource {
    pub(crate) counter: FencedRegister<u64>,
    pub(crate) accepted: u64,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// The world of the calling thread.
pub(crate) fn with<T>(look: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(|world| look(world.as_mut().expect("a run")))
}

/// Puts a new world into the place of the old one.
pub(crate) fn replace(world: Option<World>) -> Option<World> {
    WORLD.with_borrow_mut(|place| std::mem::replace(place, world))
}

pub(crate) fn tell(who: &str, what: fmt::Arguments<'_>) {
    with(|world| world.tell(who, what));
}

pub(crate) fn chance<T>(draw: impl FnOnce(&mut Chance) -> T) -> T {
    with(|world| draw(&mut world.chance))
}

pub(crate) fn object(what: impl Into<String>) {
    with(|world| world.object(what));
}

pub(crate) fn phase() -> Phase {
    with(|world| world.phase)
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let plan = Plan::draw(&mut chance);
        Self {
            now: Duration::ZERO,
            phase: Phase::Chaos,
            keyspace: Keyspace::new(seed % 2 == 1, plan.denied),
            connections: Connections::default(),
            plan,
            chance,
            history: History::default(),
            trusts: Trusts::default(),
            violations: Vec::new(),
            counts: BTreeMap::new(),
            hosts: BTreeMap::new(),
            jumped: BTreeMap::new(),
            resources: (0..KEYS).map(|_| Resource::default()).collect(),
            carriers: BTreeMap::new(),
            releases: BTreeMap::new(),
            stays: BTreeMap::new(),
            waiting: BTreeMap::new(),
            longest_free: Duration::ZERO,
            arrived: 0,
            closed: 0,
            stopped_until: Duration::ZERO,
            loading_until: Duration::ZERO,
        }
    }

    pub(crate) fn tell(&mut self, who: &str, what: fmt::Arguments<'_>) {
        self.history.tell(self.now, who, what);
    }

    pub(crate) fn object(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.tell("!!!", format_args!("{what}"));
        self.violations
            .push(format!("at {} ms: {what}", self.now.as_millis()));
    }

    pub(crate) fn count(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }
}
