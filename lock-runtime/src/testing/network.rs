//! What lies between a client and its locks: plans for single commands, and the weather.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::fault::{Command, Commands, Fault, Seen};
use crate::store::{MemoryStore, Release, Swap};

pub(super) struct Network {
    pub(super) memory: MemoryStore,
    state: Mutex<State>,
}

pub(super) struct State {
    /// The prefix of the double's client, which its user does not write.
    prefix: String,
    /// How long a session waits for an answer.
    patience: Duration,
    /// The next command that is meant meets the first plan that means it.
    plans: VecDeque<(Commands, Fault)>,
    /// For commands without a plan; the last one that means it counts.
    standing: Vec<(Commands, Fault)>,
    down: bool,
    /// Grows when the server goes down: what it was told before dies with it.
    life: u64,
    /// The server does nothing before this moment.
    silent_until: Option<Instant>,
    slow: Duration,
    /// How many replicas acknowledge; `None`: as many as are asked for.
    replicas: Option<u32>,
    pub(super) seen: Vec<Seen>,
    /// How often each key was acquired and released.
    outcomes: HashMap<(Command, String), usize>,
}

/// What the network does with one command.
pub(super) struct Passage {
    pub(super) fault: Fault,
    /// When it arrives, unless something before it on its connection is held up for longer.
    pub(super) arrives: Instant,
    pub(super) patience: Duration,
}

impl Network {
    pub(super) fn new() -> Self {
        Self {
            memory: MemoryStore::new(),
            state: Mutex::new(State {
                prefix: String::new(),
                patience: Duration::ZERO,
                plans: VecDeque::new(),
                standing: Vec::new(),
                down: false,
                life: 0,
                silent_until: None,
                slow: Duration::ZERO,
                replicas: None,
                seen: Vec::new(),
                outcomes: HashMap::new(),
            }),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As the settings of its client demand.
    pub(super) fn set_up(&self, prefix: &str, response_timeout: Duration) {
        let mut state = self.state();
        prefix.clone_into(&mut state.prefix);
        state.patience = response_timeout;
    }

    /// Takes note of a command and decides what happens to it.
    pub(super) fn send(&self, command: Command, key: &str) -> Passage {
        let mut state = self.state();
        let key = state.name(key);
        let planned = state
            .plans
            .iter()
            .position(|(meant, _)| meant.mean(command, &key));
        let planned = planned.and_then(|at| state.plans.remove(at));
        let standing = || {
            let mut standing = state.standing.iter().rev();
            standing
                .find(|(meant, _)| meant.mean(command, &key))
                .cloned()
        };
        let fault = planned
            .or_else(standing)
            .map_or(Fault::None, |(_, fault)| fault);
        let at = Instant::now();
        let arrives = at + state.slow;
        state.seen.push(Seen {
            command,
            key,
            at,
            fault,
        });
        Passage {
            fault,
            arrives: state
                .silent_until
                .map_or(arrives, |until| arrives.max(until)),
            patience: state.patience,
        }
    }

    /// Which of its lives the server lives; `None` while it is down.
    pub(super) fn life(&self) -> Option<u64> {
        let state = self.state();
        (!state.down).then_some(state.life)
    }

    /// A lock that changed hands was given back and taken.
    pub(super) fn swapped(&self, swap: Swap, key: &str) {
        if matches!(swap, Swap::Swapped(_)) {
            self.done(Command::Release, key);
            self.done(Command::Acquire, key);
        }
    }

    /// A lock that was passed on was given back and taken, too.
    pub(super) fn released(&self, release: Release, key: &str) {
        if matches!(release, Release::Deleted | Release::HandedOver) {
            self.done(Command::Release, key);
        }
        if release == Release::HandedOver {
            self.done(Command::Acquire, key);
        }
    }

    /// A key was acquired or released.
    pub(super) fn done(&self, command: Command, key: &str) {
        let mut state = self.state();
        let key = state.name(key);
        *state.outcomes.entry((command, key)).or_default() += 1;
    }
}

impl State {
    /// A key as the double's user writes it.
    pub(super) fn name(&self, key: &str) -> String {
        key.strip_prefix(&self.prefix).unwrap_or(key).to_owned()
    }

    /// A key as it is stored.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) fn plan(&mut self, commands: Commands, fault: Fault) {
        self.plans.push_back((commands, fault));
    }

    pub(super) fn stand(&mut self, commands: Commands, fault: Fault) {
        self.standing.push((commands, fault));
    }

    pub(super) fn go_down(&mut self) {
        self.down = true;
        self.life += 1;
    }

    pub(super) fn stall(&mut self, length: Duration) {
        self.silent_until = Some(Instant::now() + length);
    }

    pub(super) fn slow_down(&mut self, delay: Duration) {
        self.slow = delay;
    }

    pub(super) fn replicate(&mut self, replicas: u32) {
        self.replicas = Some(replicas);
    }

    /// How many of those that are asked for acknowledge.
    pub(super) fn replicas(&self, asked: u32) -> u32 {
        self.replicas.unwrap_or(asked)
    }

    pub(super) fn clear_up(&mut self) {
        self.down = false;
        self.silent_until = None;
        self.slow = Duration::ZERO;
        self.replicas = None;
        self.plans.clear();
        self.standing.clear();
    }

    pub(super) fn outcomes(&self, command: Command, key: &str) -> usize {
        let known = self.outcomes.get(&(command, key.to_owned()));
        known.copied().unwrap_or_default()
    }
}
