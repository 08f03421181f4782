//! A store in memory behind a bad network: in paused time, so that every moment is exact.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lock_runtime::{
    AcquireForm, Fenced, LockSession, LockStore, LockToken, MemoryStore, Release, StoreError,
    StoreErrorKind, StoreFuture, Stored,
};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

/// How long a session waits for an answer, as a quarter of the default command deadline.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Acquire,
    Release,
    Extend,
    Inspect,
}

/// What happens to one command.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It runs and its answer comes.
    None,
    /// It runs, its answer is lost.
    NoReply,
    /// It is held up, and all behind it on its connection; then it runs.
    Delay(Duration),
    /// It arrives twice, and only the second answer comes back.
    Twice,
    /// It gets lost.
    Swallow,
    /// It gets lost and its connection with it.
    Break,
    /// The server refuses it.
    Refuse,
    /// The server refuses it for the moment.
    NotNow,
}

/// The network's plans and what it saw.
#[derive(Default)]
struct Network {
    /// The next command of a kind meets the first plan for that kind.
    plans: VecDeque<(Command, Fault)>,
    /// Nothing is answered before this moment, on any connection.
    silent_until: Option<Instant>,
    seen: Vec<Command>,
    session: Option<Arc<Session>>,
    sessions: usize,
}

#[derive(Clone, Default)]
pub(crate) struct BadNetwork {
    pub(crate) memory: MemoryStore,
    network: Arc<Mutex<Network>>,
}

/// One connection; what was sent first runs first.
struct Session {
    memory: MemoryStore,
    network: Arc<Mutex<Network>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held_up_until: Option<Instant>,
    timeouts: usize,
    broken: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BadNetwork {
    /// Plans what happens to the next command of this kind that nothing is planned for.
    pub(crate) fn plan(&self, command: Command, fault: Fault) {
        lock(&self.network).plans.push_back((command, fault));
    }

    /// The server stands still until then, and does afterwards what it was told meanwhile.
    pub(crate) fn stop_server(&self, length: Duration) {
        lock(&self.network).silent_until = Some(Instant::now() + length);
    }

    pub(crate) fn count(&self, command: Command) -> usize {
        let network = lock(&self.network);
        network.seen.iter().filter(|seen| **seen == command).count()
    }

    /// How long the server will still keep a key.
    pub(crate) async fn left(&self, key: &str) -> Duration {
        let found = self.memory.inspect(key).await.expect("memory answers");
        found.and_then(|(_, left)| left).unwrap_or_default()
    }

    pub(crate) fn connections(&self) -> usize {
        lock(&self.network).sessions
    }
}

impl LockStore for BadNetwork {
    fn session(&self) -> StoreFuture<'_, Arc<dyn LockSession>> {
        Box::pin(async {
            let mut network = lock(&self.network);
            let current = network.session.clone().filter(|session| session.is_open());
            let session = current.unwrap_or_else(|| {
                network.sessions += 1;
                Arc::new(Session {
                    memory: self.memory.clone(),
                    network: self.network.clone(),
                    state: Mutex::default(),
                })
            });
            network.session = Some(session.clone());
            Ok(session as Arc<dyn LockSession>)
        })
    }

    fn address(&self) -> String {
        "a bad network".to_owned()
    }
}

impl Session {
    /// Sends `work` over the network: it runs when the network lets it, whoever still waits.
    async fn send<T, F>(&self, command: Command, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(MemoryStore) -> StoreFuture<'static, T> + Send + 'static,
    {
        if lock(&self.state).broken {
            let kind = StoreErrorKind::Disconnected;
            return Err(StoreError::new(kind, "the connection is gone"));
        }
        let (fault, silent_until) = {
            let mut network = lock(&self.network);
            network.seen.push(command);
            let planned = network.plans.iter().position(|(kind, _)| *kind == command);
            let fault = planned.and_then(|at| network.plans.remove(at));
            (
                fault.map_or(Fault::None, |(_, fault)| fault),
                network.silent_until,
            )
        };
        let runs_at = {
            let mut state = lock(&self.state);
            if let Fault::Delay(delay) = fault {
                state.held_up_until = Some(Instant::now() + delay);
            }
            state.held_up_until.max(silent_until)
        };
        let (reply, answer) = oneshot::channel();
        match fault {
            Fault::Refuse => {
                return Err(StoreError::new(StoreErrorKind::Refused, "NOPE not today"));
            }
            Fault::NotNow => {
                return Err(StoreError::new(StoreErrorKind::Unavailable, "LOADING"));
            }
            Fault::Break => {
                lock(&self.state).broken = true;
                return Err(StoreError::new(StoreErrorKind::Disconnected, "it broke"));
            }
            Fault::Swallow => std::mem::forget(reply),
            Fault::None | Fault::NoReply | Fault::Delay(_) | Fault::Twice => {
                let memory = self.memory.clone();
                let work = async move {
                    if let Some(at) = runs_at {
                        sleep_until(at).await;
                    }
                    if matches!(fault, Fault::Twice) {
                        let _ = work(memory.clone()).await;
                    }
                    let output = work(memory).await;
                    if matches!(fault, Fault::NoReply) {
                        std::mem::forget(reply);
                    } else {
                        let _ = reply.send(output);
                    }
                };
                if runs_at.is_some_and(|at| at > Instant::now()) {
                    tokio::spawn(work);
                } else {
                    work.await;
                }
            }
        }
        let Ok(Ok(output)) = timeout(PATIENCE, answer).await else {
            lock(&self.state).timeouts += 1;
            return Err(StoreError::new(StoreErrorKind::Timeout, "no answer"));
        };
        lock(&self.state).timeouts = 0;
        output
    }
}

impl LockSession for Session {
    fn acquire<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
        form: AcquireForm,
    ) -> StoreFuture<'a, Option<Stored>> {
        let (key, token) = (key.to_owned(), token.clone());
        Box::pin(self.send(Command::Acquire, move |memory| {
            let (key, token) = (key.clone(), token.clone());
            Box::pin(async move { memory.acquire(&key, &token, ttl, form).await })
        }))
    }

    fn acquire_fenced<'a>(
        &'a self,
        key: &'a str,
        fence_key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Fenced> {
        let (key, fence_key, token) = (key.to_owned(), fence_key.to_owned(), token.clone());
        Box::pin(self.send(Command::Acquire, move |memory| {
            let (key, fence_key, token) = (key.clone(), fence_key.clone(), token.clone());
            Box::pin(async move { memory.acquire_fenced(&key, &fence_key, &token, ttl).await })
        }))
    }

    fn release<'a>(&'a self, key: &'a str, token: &'a LockToken) -> StoreFuture<'a, Release> {
        let (key, token) = (key.to_owned(), token.clone());
        Box::pin(self.send(Command::Release, move |memory| {
            let (key, token) = (key.clone(), token.clone());
            Box::pin(async move { memory.release(&key, &token).await })
        }))
    }

    fn extend<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, bool> {
        let (key, token) = (key.to_owned(), token.clone());
        Box::pin(self.send(Command::Extend, move |memory| {
            let (key, token) = (key.clone(), token.clone());
            Box::pin(async move { memory.extend(&key, &token, ttl).await })
        }))
    }

    fn inspect<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<(Stored, Option<Duration>)>> {
        let key = key.to_owned();
        Box::pin(self.send(Command::Inspect, move |memory| {
            let key = key.clone();
            Box::pin(async move { memory.inspect(&key).await })
        }))
    }

    fn is_open(&self) -> bool {
        let state = lock(&self.state);
        !state.broken && state.timeouts < 2
    }
}
