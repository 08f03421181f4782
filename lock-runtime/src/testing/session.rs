//! One connection of the double: what is sent first arrives first.

use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use super::fault::{Command, Fault};
use super::network::{Network, Passage};
use crate::error::{StoreError, StoreErrorKind};

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
pub(super) type Work<T> =
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

    pub(super) fn is_up(&self) -> bool {
        !self.broken.load(Ordering::Relaxed) && self.network.life() == Some(self.life)
    }

    fn break_off(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    pub(super) async fn send<T: Send + 'static>(
        &self,
        command: Command,
        key: &str,
        work: Work<T>,
    ) -> Result<T, StoreError> {
        self.send_for(Duration::ZERO, command, key, work).await
    }

    /// Sends a command that takes up to `length` at the server: it runs when the network lets it,
    /// whoever still waits for it.
    pub(super) async fn send_for<T: Send + 'static>(
        &self,
        length: Duration,
        command: Command,
        key: &str,
        work: Work<T>,
    ) -> Result<T, StoreError> {
        if !self.is_up() {
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
