//! A network between a client and the store in memory: slow, lossy, in order on each connection.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lock_runtime::{
    AcquireForm, Fenced, LockSession, LockStore, LockToken, MemoryStore, Release, StoreError,
    StoreErrorKind, StoreFuture, Stored,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::chance::Chance;

const PATIENCE: Duration = Duration::from_millis(100);

#[derive(Clone)]
pub(crate) struct Network {
    shared: Arc<Shared>,
    current: Arc<Mutex<Option<Arc<Connection>>>>,
}

struct Shared {
    memory: MemoryStore,
    chance: Chance,
    calm: AtomicBool,
}

/// A command on its way: it runs at that moment, after those before it.
type Cargo = (Instant, StoreFuture<'static, ()>);

struct Connection {
    shared: Arc<Shared>,
    there: mpsc::UnboundedSender<Cargo>,
    /// When the last command arrives, and when its answer is back.
    arrivals: Mutex<(Instant, Instant)>,
    broken: AtomicBool,
    timeouts: AtomicUsize,
}

/// What becomes of a command.
enum Fate {
    Answered,
    /// The server refuses it for the moment.
    NotNow,
    /// The connection breaks; the command arrives all the same, or does not.
    Broken {
        arrives: bool,
    },
}

fn error(kind: StoreErrorKind) -> StoreError {
    StoreError::new(kind, format!("simulated: {kind:?}"))
}

impl Shared {
    fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    fn delay(&self) -> Duration {
        match self.chance.below(if self.is_calm() { 80 } else { 100 }) {
            0..70 => self.chance.millis_below(2),
            70..80 => self.chance.millis_below(20),
            80..93 => self.chance.millis_below(150),
            _ => self.chance.millis_below(600),
        }
    }

    fn fate(&self) -> Fate {
        match self.chance.below(100) {
            _ if self.is_calm() => Fate::Answered,
            0..4 => Fate::Broken { arrives: false },
            4..9 => Fate::Broken { arrives: true },
            9..13 => Fate::NotNow,
            _ => Fate::Answered,
        }
    }
}

impl Network {
    pub(crate) fn new(memory: MemoryStore, chance: Chance) -> Self {
        Self {
            shared: Arc::new(Shared {
                memory,
                chance,
                calm: AtomicBool::new(false),
            }),
            current: Arc::default(),
        }
    }

    /// From now on nothing is lost any more.
    pub(crate) fn calm_down(&self) {
        self.shared.calm.store(true, Ordering::Relaxed);
    }

    fn connection(&self) -> Arc<Connection> {
        let mut current = self.current.lock().expect("no panic");
        if let Some(connection) = current.as_ref().filter(|connection| connection.is_open()) {
            return connection.clone();
        }
        let (there, mut arriving) = mpsc::unbounded_channel::<Cargo>();
        tokio::spawn(async move {
            while let Some((at, command)) = arriving.recv().await {
                sleep_until(at).await;
                // Its sender is told by itself.
                let _ = command.await;
            }
        });
        let now = Instant::now();
        let connection = Arc::new(Connection {
            shared: self.shared.clone(),
            there,
            arrivals: Mutex::new((now, now)),
            broken: AtomicBool::new(false),
            timeouts: AtomicUsize::new(0),
        });
        *current = Some(connection.clone());
        connection
    }
}

impl LockStore for Network {
    fn session(&self) -> StoreFuture<'_, Arc<dyn LockSession>> {
        Box::pin(async {
            if !self.shared.is_calm() && self.shared.chance.percent(2) {
                sleep(self.shared.chance.millis_below(50)).await;
                return Err(error(StoreErrorKind::Unreachable));
            }
            Ok(self.connection() as Arc<dyn LockSession>)
        })
    }

    fn address(&self) -> String {
        "a simulated network".to_owned()
    }
}

impl Connection {
    async fn send<T: Send + 'static>(
        &self,
        command: impl FnOnce(MemoryStore) -> StoreFuture<'static, T> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(error(StoreErrorKind::Disconnected));
        }
        let (arrives_at, back_at) = {
            let mut arrivals = self.arrivals.lock().expect("no panic");
            arrivals.0 = arrivals.0.max(Instant::now() + self.shared.delay());
            arrivals.1 = arrivals.1.max(arrivals.0 + self.shared.delay());
            *arrivals
        };
        let fate = self.shared.fate();
        let breaks = matches!(fate, Fate::Broken { .. });
        let (reply, answer) = oneshot::channel();
        let memory = self.shared.memory.clone();
        let cargo = Box::pin(async move {
            let output = match fate {
                Fate::Answered | Fate::Broken { arrives: true } => command(memory).await,
                Fate::NotNow | Fate::Broken { arrives: false } => {
                    Err(error(StoreErrorKind::Unavailable))
                }
            };
            if !breaks {
                tokio::spawn(async move {
                    sleep_until(back_at).await;
                    // Whoever asked may have given up.
                    let _ = reply.send(output);
                });
            }
            Ok(())
        });
        // The other end lives as long as the runtime.
        let _ = self.there.send((arrives_at, cargo));
        if breaks {
            sleep(self.shared.chance.millis_below(30)).await;
            self.broken.store(true, Ordering::Relaxed);
            return Err(error(StoreErrorKind::Disconnected));
        }
        let Ok(Ok(output)) = timeout(PATIENCE, answer).await else {
            if self.timeouts.fetch_add(1, Ordering::Relaxed) > 0 {
                self.broken.store(true, Ordering::Relaxed);
            }
            return Err(error(StoreErrorKind::Timeout));
        };
        self.timeouts.store(0, Ordering::Relaxed);
        output
    }
}

impl LockSession for Connection {
    fn acquire<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
        form: AcquireForm,
    ) -> StoreFuture<'a, Option<Stored>> {
        let (key, token) = (key.to_owned(), token.clone());
        Box::pin(self.send(move |memory| {
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
        Box::pin(self.send(move |memory| {
            Box::pin(async move { memory.acquire_fenced(&key, &fence_key, &token, ttl).await })
        }))
    }

    fn release<'a>(&'a self, key: &'a str, token: &'a LockToken) -> StoreFuture<'a, Release> {
        let (key, token) = (key.to_owned(), token.clone());
        Box::pin(
            self.send(move |memory| Box::pin(async move { memory.release(&key, &token).await })),
        )
    }

    fn extend<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, bool> {
        let (key, token) = (key.to_owned(), token.clone());
        Box::pin(
            self.send(move |memory| {
                Box::pin(async move { memory.extend(&key, &token, ttl).await })
            }),
        )
    }

    fn inspect<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<(Stored, Option<Duration>)>> {
        let key = key.to_owned();
        Box::pin(self.send(move |memory| Box::pin(async move { memory.inspect(&key).await })))
    }

    fn is_open(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
    }
}
