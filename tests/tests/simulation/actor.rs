//! Somebody who takes locks in every way there is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lock_runtime::{LockClient, LockError, LockGuard, distributed_lock};
use tokio::time::{Instant, sleep, timeout};

use crate::COMMAND_DEADLINE;
use crate::chance::Chance;
use crate::record::Record;

pub(crate) struct Actor {
    pub(crate) client: LockClient,
    pub(crate) chance: Chance,
    pub(crate) record: Arc<Record>,
}

/// One turn's choices.
#[derive(Clone)]
struct Turn {
    key: u64,
    ttl: Duration,
    wait: Duration,
    hold: Duration,
    /// When the caller drops the call.
    patience: Option<Duration>,
    /// When the body ran from and to.
    ran: Arc<Mutex<Option<(Instant, Instant)>>>,
}

impl Turn {
    fn ran(&self) -> Option<(Instant, Instant)> {
        *self.ran.lock().expect("no panic")
    }

    async fn hold(&self, lock: &LockGuard, record: &Record, cut_off: bool) {
        let began = Instant::now();
        while began.elapsed() < self.hold {
            let late = cut_off && lock.remaining().is_zero();
            record.object(late, || "a body was polled past its deadline".to_owned());
            sleep(Duration::from_millis(3)).await;
        }
        *self.ran.lock().expect("no panic") = Some((began, Instant::now()));
    }
}

#[distributed_lock(key = "<turn.key>", ttl = turn.ttl, wait = turn.wait, guard = lock, client = client)]
async fn cancelled(client: &LockClient, turn: &Turn, record: &Record) -> Result<(), LockError> {
    turn.hold(lock, record, true).await;
    Ok(())
}

#[distributed_lock(
    key = "<turn.key>", ttl = turn.ttl, wait = turn.wait, on_lost = "finish", guard = lock, client = client
)]
async fn finished(client: &LockClient, turn: &Turn, record: &Record) -> Result<(), LockError> {
    turn.hold(lock, record, false).await;
    Ok(())
}

#[distributed_lock(
    key = "<turn.key>", ttl = turn.ttl.max(Duration::from_millis(300)), wait = turn.wait, renew,
    guard = lock, client = client
)]
async fn renewed(client: &LockClient, turn: &Turn, record: &Record) -> Result<(), LockError> {
    turn.hold(lock, record, true).await;
    Ok(())
}

/// `None` if the caller's patience ended first.
async fn with<T>(patience: Option<Duration>, call: impl Future<Output = T>) -> Option<T> {
    match patience {
        Some(patience) => timeout(patience, call).await.ok(),
        None => Some(call.await),
    }
}

impl Actor {
    pub(crate) async fn act(self, until: Instant) {
        while Instant::now() < until {
            let turn = self.turn();
            if self.chance.percent(40) {
                self.call(&turn).await;
            } else {
                self.hold_by_hand(&turn).await;
            }
        }
    }

    fn turn(&self) -> Turn {
        let chance = &self.chance;
        let ttl = if chance.percent(50) {
            Duration::from_millis(20) + chance.millis_below(200)
        } else {
            Duration::from_millis(300) + chance.millis_below(500)
        };
        let part = u32::try_from(chance.below(150)).unwrap_or_default();
        Turn {
            key: chance.below(2),
            ttl,
            wait: if chance.percent(50) {
                Duration::ZERO
            } else {
                chance.millis_below(800)
            },
            hold: ttl * part / 100,
            patience: chance.percent(20).then(|| chance.millis_below(300)),
            ran: Arc::default(),
        }
    }

    async fn call(&self, turn: &Turn) {
        let (client, record) = (&self.client, &*self.record);
        let called = match self.chance.below(3) {
            0 => with(turn.patience, cancelled(client, turn, record)).await,
            1 => with(turn.patience, finished(client, turn, record)).await,
            _ => with(turn.patience, renewed(client, turn, record)).await,
        };
        match (called, turn.ran()) {
            (Some(Ok(())), Some((from, to))) => {
                record.count("body: Ok");
                record.was_held(turn.key, from, to);
            }
            (Some(Ok(())), None) => record.object(true, || "Ok without a body".to_owned()),
            (Some(Err(error)), _) => record.count_error("body", &error),
            (None, _) => record.count("body: cut"),
        }
    }

    async fn hold_by_hand(&self, turn: &Turn) {
        let (chance, record) = (&self.chance, &*self.record);
        let mut request = self.client.lock(turn.key.to_string());
        request = request.ttl(turn.ttl).wait(turn.wait);
        if turn.ttl >= Duration::from_millis(300) && chance.percent(50) {
            request = request.renew();
        }
        let asked = Instant::now();
        let called = with(turn.patience, request.acquire()).await;
        let bound = turn.wait + COMMAND_DEADLINE + Duration::from_millis(5);
        record.object(asked.elapsed() > bound, || {
            format!("an acquire took {:?}, not {bound:?}", asked.elapsed())
        });
        let guard = match called {
            Some(Ok(guard)) => Arc::new(guard),
            Some(Err(error)) => return record.count_error("acquire", &error),
            None => return record.count("acquire: cut"),
        };
        record.count("acquire: Ok");
        let from = Instant::now();
        record.holds(turn.key, &guard);
        while from.elapsed() < turn.hold {
            sleep(Duration::from_millis(1) + chance.millis_below(30)).await;
            // What they answer is judged by what others see meanwhile.
            match chance.below(12) {
                0 => drop(guard.extend().await),
                1 => drop(guard.check().await),
                _ => {}
            }
        }
        let to = Instant::now();
        record.lets_go(&guard);
        let Some(guard) = Arc::into_inner(guard) else {
            return record.object(true, || "a guard in two hands".to_owned());
        };
        if chance.percent(30) {
            return record.count("dropped");
        }
        match with(turn.patience, guard.release()).await {
            Some(Ok(_)) => {
                record.count("release: Ok");
                record.was_held(turn.key, from, to);
            }
            Some(Err(error)) => record.count_error("release", &error),
            None => record.count("release: cut"),
        }
    }
}
