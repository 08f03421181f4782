//! One connection of the double: what is sent first arrives first.

use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::fault::{Command, Fault};
use super::network::{Network, Passage};
use crate::error::{StoreError, StoreErrorKind};
use crate::options::AcquireForm;
use crate::store::{Fenced, Head, Joined, LockSession, Passed, StoreFuture, Stored, Swapped};
use crate::token::LockToken;

/// Commands without an answer, in a row, after which a connection counts as dead.
const DEAD_AFTER: usize = 2;

pub(super) struct Session {
    network: Arc<Network>,
    /// That of the server to which it was made.
    life: u64,
    /// Whose command may arrive; fair.
    turn: Arc<tokio::sync::Mutex<()>>,
    held_up_until: Mutex<Option<Instant>>,
    timeouts: AtomicUsize,
    broken: AtomicBool,
}

/// What a command does at the store. It may arrive twice.
type Work<T> =
    Box<dyn Fn(Arc<Network>) -> Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>> + Send>;

fn gone() -> StoreError {
    let message = "the connection broke, check that the server is up";
    StoreError::new(StoreErrorKind::Disconnected, message)
}

impl Session {
    pub(super) fn new(network: Arc<Network>, life: u64) -> Self {
        Self {
            network,
            life,
            turn: Arc::default(),
            held_up_until: Mutex::default(),
            timeouts: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
        }
    }

    /// Whether nothing is under way here.
    pub(super) fn is_idle(&self) -> bool {
        self.turn.try_lock().is_ok()
    }

    fn break_off(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    async fn send<T: Send + 'static>(
        &self,
        command: Command,
        key: &str,
        work: Work<T>,
    ) -> Result<T, StoreError> {
        self.send_for(Duration::ZERO, command, key, work).await
    }

    /// Sends a command that takes up to `length` at the server: it runs when the network lets it,
    /// whoever still waits for it.
    async fn send_for<T: Send + 'static>(
        &self,
        length: Duration,
        command: Command,
        key: &str,
        work: Work<T>,
    ) -> Result<T, StoreError> {
        if !self.is_open() {
            return Err(gone());
        }
        let Passage {
            fault,
            arrives,
            patience,
        } = self.network.send(command, key);
        let (reply, answer) = oneshot::channel();
        match fault {
            Fault::Refuse => {
                let message = "NOPERM the test double refuses";
                return Err(StoreError::new(StoreErrorKind::Refused, message));
            }
            Fault::NotNow => {
                let message = "LOADING the test double is not ready";
                return Err(StoreError::new(StoreErrorKind::Unavailable, message));
            }
            Fault::Unreachable => {
                self.break_off();
                let message = "connection refused, check that the server is up";
                return Err(StoreError::new(StoreErrorKind::Unreachable, message));
            }
            Fault::Break => {
                self.break_off();
                return Err(gone());
            }
            Fault::Swallow => {}
            Fault::None | Fault::NoReply | Fault::Delay(_) | Fault::Twice | Fault::BreakAfter => {
                let arrives = self
                    .held_up(fault)
                    .map_or(arrives, |until| arrives.max(until));
                let (network, life) = (self.network.clone(), self.life);
                let mut turn = Box::pin(self.turn.clone().lock_owned());
                // First polled in the order of sending: so the turns come.
                let at_once = turn.as_mut().now_or_never();
                let waits = at_once.is_none() || arrives > Instant::now() || !length.is_zero();
                let arrival = async move {
                    let _turn = match at_once {
                        Some(turn) => turn,
                        None => turn.await,
                    };
                    sleep_until(arrives).await;
                    // What a server was told dies with it.
                    if network.life() != Some(life) {
                        return;
                    }
                    if fault == Fault::Twice {
                        let _ = work(network.clone()).await;
                    }
                    let output = work(network).await;
                    if fault != Fault::BreakAfter {
                        // Whoever asked may have given up.
                        let _ = reply.send(output);
                    }
                };
                if waits {
                    tokio::spawn(arrival);
                } else {
                    arrival.await;
                }
            }
        }
        let silent = matches!(fault, Fault::Swallow | Fault::NoReply);
        let answer = async move {
            if silent {
                return pending().await;
            }
            answer.await.unwrap_or_else(|_| Err(gone()))
        };
        self.answered(patience + length, answer).await
    }

    /// Until when commands are held up on this connection.
    fn held_up(&self, fault: Fault) -> Option<Instant> {
        let until = self.held_up_until.lock();
        let mut until = until.unwrap_or_else(PoisonError::into_inner);
        if let Fault::Delay(delay) = fault {
            *until = Some(Instant::now() + delay);
        }
        *until
    }

    /// Waits for an answer, and takes note of what it says of the connection.
    async fn answered<T>(
        &self,
        patience: Duration,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let Ok(answer) = timeout(patience, answer).await else {
            if self.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= DEAD_AFTER {
                self.break_off();
            }
            return Err(StoreError::silent(patience));
        };
        self.timeouts.store(0, Ordering::Relaxed);
        if answer.as_ref().is_err_and(StoreError::is_ambiguous) {
            self.break_off();
        }
        answer
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
        let (own, token) = (key.to_owned(), token.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, token) = (own.clone(), token.clone());
            Box::pin(async move {
                let found = network.memory.acquire(&key, &token, ttl, form).await?;
                if found.is_none() {
                    network.done(Command::Acquire, &key);
                }
                Ok(found)
            })
        });
        Box::pin(self.send(Command::Acquire, key, work))
    }

    fn acquire_fenced<'a>(
        &'a self,
        key: &'a str,
        fence_key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Fenced> {
        let (own, beside, token) = (key.to_owned(), fence_key.to_owned(), token.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, beside, token) = (own.clone(), beside.clone(), token.clone());
            Box::pin(async move {
                let memory = &network.memory;
                let found = memory.acquire_fenced(&key, &beside, &token, ttl).await?;
                if matches!(found, Fenced::Granted(_)) {
                    network.done(Command::Acquire, &key);
                }
                Ok(found)
            })
        });
        Box::pin(self.send(Command::Acquire, key, work))
    }

    fn join<'a>(
        &'a self,
        key: &'a str,
        line: &'a str,
        fence_key: Option<&'a str>,
        head: &'a Head,
        ttl: Duration,
        limit: Duration,
    ) -> StoreFuture<'a, Joined> {
        let (own, line) = (key.to_owned(), line.to_owned());
        let (beside, head) = (fence_key.map(str::to_owned), head.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, line) = (own.clone(), line.clone());
            let (beside, head) = (beside.clone(), head.clone());
            Box::pin(async move {
                let (memory, beside) = (&network.memory, beside.as_deref());
                let joined = memory.join(&key, &line, beside, &head, ttl, limit);
                let joined = joined.await?;
                if matches!(joined, Joined::Granted(_)) {
                    network.done(Command::Acquire, &key);
                }
                Ok(joined)
            })
        });
        Box::pin(self.send(Command::Acquire, key, work))
    }

    fn release<'a>(
        &'a self,
        key: &'a str,
        line: Option<&'a str>,
        token: &'a LockToken,
    ) -> StoreFuture<'a, Passed> {
        let (own, line, token) = (key.to_owned(), line.map(str::to_owned), token.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, line, token) = (own.clone(), line.clone(), token.clone());
            Box::pin(async move {
                let passed = network.memory.release(&key, line.as_deref(), &token);
                let passed = passed.await?;
                network.released(passed.release, &key);
                Ok(passed)
            })
        });
        Box::pin(self.send(Command::Release, key, work))
    }

    fn pass<'a>(
        &'a self,
        key: &'a str,
        line: &'a str,
        token: &'a LockToken,
        leaving: Option<&'a Head>,
        joining: Option<&'a Head>,
        limit: Duration,
    ) -> StoreFuture<'a, Passed> {
        let (own, line, token) = (key.to_owned(), line.to_owned(), token.clone());
        let (leaving, joining) = (leaving.cloned(), joining.cloned());
        let work: Work<_> = Box::new(move |network| {
            let (key, line, token) = (own.clone(), line.clone(), token.clone());
            let (leaving, joining) = (leaving.clone(), joining.clone());
            Box::pin(async move {
                let memory = &network.memory;
                let (leaving, joining) = (leaving.as_ref(), joining.as_ref());
                let passed = memory.pass(&key, &line, &token, leaving, joining, limit);
                let passed = passed.await?;
                network.released(passed.release, &key);
                Ok(passed)
            })
        });
        Box::pin(self.send(Command::Release, key, work))
    }

    fn swap<'a>(
        &'a self,
        key: &'a str,
        line: Option<&'a str>,
        old: &'a LockToken,
        new: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Swapped> {
        let (own, line) = (key.to_owned(), line.map(str::to_owned));
        let (old, new) = (old.clone(), new.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, line) = (own.clone(), line.clone());
            let (old, new) = (old.clone(), new.clone());
            Box::pin(async move {
                let memory = &network.memory;
                let swapped = memory.swap(&key, line.as_deref(), &old, &new, ttl).await?;
                network.swapped(swapped.swap, &key);
                Ok(swapped)
            })
        });
        Box::pin(self.send(Command::HandOver, key, work))
    }

    fn swap_fenced<'a>(
        &'a self,
        key: &'a str,
        line: Option<&'a str>,
        fence_key: &'a str,
        old: &'a LockToken,
        new: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Swapped> {
        let (own, line, beside) = (
            key.to_owned(),
            line.map(str::to_owned),
            fence_key.to_owned(),
        );
        let (old, new) = (old.clone(), new.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, line, beside) = (own.clone(), line.clone(), beside.clone());
            let (old, new) = (old.clone(), new.clone());
            Box::pin(async move {
                let (memory, line) = (&network.memory, line.as_deref());
                let swapped = memory.swap_fenced(&key, line, &beside, &old, &new, ttl);
                let swapped = swapped.await?;
                network.swapped(swapped.swap, &key);
                Ok(swapped)
            })
        });
        Box::pin(self.send(Command::HandOver, key, work))
    }

    fn extend<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, bool> {
        let (own, token) = (key.to_owned(), token.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, token) = (own.clone(), token.clone());
            Box::pin(async move { network.memory.extend(&key, &token, ttl).await })
        });
        Box::pin(self.send(Command::Extend, key, work))
    }

    fn inspect<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<(Stored, Option<Duration>)>> {
        let own = key.to_owned();
        let work: Work<_> = Box::new(move |network| {
            let key = own.clone();
            Box::pin(async move { network.memory.inspect(&key).await })
        });
        Box::pin(self.send(Command::Inspect, key, work))
    }

    fn replicated(&self, replicas: u32, limit: Duration) -> StoreFuture<'_, u32> {
        let work: Work<_> = Box::new(move |network| {
            Box::pin(async move {
                let replicated = network.state().replicas(replicas);
                if replicated < replicas {
                    sleep(limit).await;
                }
                Ok(replicated)
            })
        });
        Box::pin(self.send_for(limit, Command::Acknowledge, "", work))
    }

    fn is_open(&self) -> bool {
        !self.broken.load(Ordering::Relaxed) && self.network.life() == Some(self.life)
    }
}
