//! Somebody who takes locks in every way there is.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use lock_runtime::{LockClient, LockError, LockGuard, distributed_lock};
use tokio::time::{Instant, sleep};

use crate::client::until;
use crate::cut::Patience;
use crate::holding::{Holding, hold};
use crate::invariants::{self, Watch};
use crate::world::{self, COMMAND_DEADLINE, KEYS, Phase, World};

/// For timers, whose grain is a millisecond, in a call that sets several one after the other.
const GRAIN: Duration = Duration::from_millis(8);
const RENEWED: Duration = Duration::from_millis(300);
/// On a calm network.
const CLEAN_TTL: Duration = Duration::from_secs(2);
const CLEAN_WAIT: Duration = Duration::from_secs(20);
const CLEAN_TURNS: usize = 4;

pub(crate) struct Actor {
    name: &'static str,
    host: &'static str,
    client: LockClient,
}

/// One turn's choices.
#[derive(Clone)]
pub(crate) struct Turn {
    pub(crate) who: &'static str,
    pub(crate) key: usize,
    ttl: Duration,
    wait: Duration,
    pub(crate) hold: Duration,
    /// How long its key stays at least.
    pub(crate) min_hold: Duration,
    /// When it was called.
    pub(crate) asked: Duration,
    patience: Patience,
    pub(crate) held: Rc<RefCell<Option<Holding>>>,
}

#[distributed_lock(key = "<turn.key>", ttl = turn.ttl, wait = turn.wait, guard = lock, client = client)]
async fn cancelled(client: &LockClient, turn: &Turn) -> Result<(), LockError> {
    hold(turn, lock, true).await;
    Ok(())
}

#[distributed_lock(
    key = "<turn.key>", ttl = turn.ttl, wait = turn.wait, on_lost = "finish", guard = lock, client = client
)]
async fn finished(client: &LockClient, turn: &Turn) -> Result<(), LockError> {
    hold(turn, lock, false).await;
    Ok(())
}

#[distributed_lock(
    key = "<turn.key>", ttl = turn.ttl.max(RENEWED), wait = turn.wait, renew, guard = lock, client = client
)]
async fn renewed(client: &LockClient, turn: &Turn) -> Result<(), LockError> {
    hold(turn, lock, true).await;
    Ok(())
}

#[distributed_lock(
    key = "<turn.key>", ttl = turn.ttl, wait = turn.wait, fence, guard = lock, client = client
)]
async fn fenced(client: &LockClient, turn: &Turn) -> Result<(), LockError> {
    hold(turn, lock, true).await;
    Ok(())
}

#[distributed_lock(
    key = "<turn.key>", ttl = turn.ttl, wait = turn.wait, fence, on_lost = "finish", guard = lock, client = client
)]
async fn fenced_and_finished(client: &LockClient, turn: &Turn) -> Result<(), LockError> {
    hold(turn, lock, false).await;
    Ok(())
}

#[distributed_lock(
    key = "<turn.key>", ttl = turn.ttl, wait = turn.wait, release = "background", guard = lock, client = client
)]
async fn background(client: &LockClient, turn: &Turn) -> Result<(), LockError> {
    hold(turn, lock, true).await;
    Ok(())
}

#[distributed_lock(
    key = "<turn.key>", ttl = turn.ttl, wait = turn.wait, min_hold = turn.min_hold, guard = lock, client = client
)]
async fn kept(client: &LockClient, turn: &Turn) -> Result<(), LockError> {
    hold(turn, lock, true).await;
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Background,
    Cancelled,
    Finished,
    Kept,
    Renewed,
    Fenced,
    FencedAndFinished,
    ByHand,
}

impl Actor {
    pub(crate) fn new(name: &'static str, host: &'static str, client: LockClient) -> Self {
        Self { name, host, client }
    }

    pub(crate) async fn live(self) {
        while world::phase() == Phase::Chaos {
            let (turn, way) = self.turn();
            self.take(turn, way).await;
        }
        world::with(|world| world.arrived += 1);
        until(Phase::Clean).await;
        for at in 0..CLEAN_TURNS {
            let (turn, way) = self.clean_turn(at == 0);
            self.take(turn, way).await;
        }
        world::with(|world| world.arrived += 1);
    }

    fn turn(&self) -> (Turn, Way) {
        world::with(|world| {
            let (plan, chance) = (&world.plan, &mut world.chance);
            let ttl = if chance.percent(60) {
                chance.millis(plan.ttl..plan.ttl * 3)
            } else {
                chance.millis(300..500)
            };
            let way = if chance.percent(plan.finishing) {
                chance.one_of(&[Way::Finished, Way::FencedAndFinished])
            } else {
                chance.one_of(&[
                    Way::Background,
                    Way::Cancelled,
                    Way::Kept,
                    Way::Renewed,
                    Way::Fenced,
                    Way::ByHand,
                    Way::ByHand,
                ])
            };
            let longest = match way {
                Way::Finished | Way::FencedAndFinished => 800,
                _ => 150,
            };
            let part = u32::try_from(chance.below(longest)).unwrap_or_default();
            let hold = (ttl * part / 100).min(Duration::from_millis(900));
            let patience = if !chance.percent(plan.cuts) {
                Patience::Endless
            } else if chance.percent(70) {
                Patience::Polls(chance.one_of(&[1, 2, 3, 4, 5, 6, 8, 12, 30]))
            } else {
                Patience::Time(chance.millis(0..300))
            };
            let wait = if chance.percent(40) {
                Duration::ZERO
            } else {
                chance.millis(1..800)
            };
            let key = usize::try_from(chance.below(KEYS as u64)).unwrap_or(0);
            let keeps = way == Way::Kept || way == Way::ByHand && chance.percent(30);
            let part = u32::try_from(chance.below(100)).unwrap_or_default();
            let min_hold = if keeps {
                ttl * part / 100
            } else {
                Duration::ZERO
            };
            let turn = self.with(key, ttl, wait, hold, patience);
            (Turn { min_hold, ..turn }, way)
        })
    }

    /// On a calm network: the first is not cut, and whoever is not cut must be served.
    fn clean_turn(&self, whole: bool) -> (Turn, Way) {
        world::with(|world| {
            let chance = &mut world.chance;
            let patience = if whole || chance.percent(40) {
                Patience::Endless
            } else {
                Patience::Polls(chance.one_of(&[1, 2, 3, 4, 5, 6, 8]))
            };
            let way = chance.one_of(&[Way::Background, Way::Cancelled, Way::Fenced, Way::ByHand]);
            let hold = chance.millis(0..10);
            let key = usize::try_from(chance.below(KEYS as u64)).unwrap_or(0);
            (self.with(key, CLEAN_TTL, CLEAN_WAIT, hold, patience), way)
        })
    }

    fn with(
        &self,
        key: usize,
        ttl: Duration,
        wait: Duration,
        hold: Duration,
        patience: Patience,
    ) -> Turn {
        Turn {
            who: self.name,
            key,
            ttl,
            wait,
            hold,
            min_hold: Duration::ZERO,
            asked: Duration::ZERO,
            patience,
            held: Rc::default(),
        }
    }

    async fn take(&self, turn: Turn, way: Way) {
        let asked = world::with(|world| world.now);
        let turn = &Turn { asked, ..turn };
        let clean = world::phase() == Phase::Clean;
        world::tell(
            self.name,
            format_args!(
                "{way:?} {} for {} ms, waits {} ms, holds {} ms, at least {} ms, {:?}",
                turn.key,
                turn.ttl.as_millis(),
                turn.wait.as_millis(),
                turn.hold.as_millis(),
                turn.min_hold.as_millis(),
                turn.patience
            ),
        );
        let took = self.stopwatch();
        if !turn.wait.is_zero() {
            let waits = |world: &mut World| world.waiting.insert(self.name, (turn.key, world.now));
            world::with(waits);
        }
        let client = &self.client;
        let ended = match way {
            Way::Background => turn.patience.with(background(client, turn)).await,
            Way::Cancelled => turn.patience.with(cancelled(client, turn)).await,
            Way::Finished => turn.patience.with(finished(client, turn)).await,
            Way::Kept => turn.patience.with(kept(client, turn)).await,
            Way::Renewed => turn.patience.with(renewed(client, turn)).await,
            Way::Fenced => turn.patience.with(fenced(client, turn)).await,
            Way::FencedAndFinished => turn.patience.with(fenced_and_finished(client, turn)).await,
            Way::ByHand => self.hold_by_hand(turn).await,
        };
        world::with(|world| world.waiting.remove(self.name));
        if let Some(Err(LockError::Busy { .. } | LockError::WaitTimeout { .. })) = &ended {
            self.within("a call", took, turn.wait);
        }
        let told = match &ended {
            None => "cut".to_owned(),
            Some(Ok(())) => "Ok".to_owned(),
            Some(Err(error)) => variant(error),
        };
        world::tell(self.name, format_args!("{told}"));
        world::with(|world| world.count(format!("{way:?}: {told}")));
        if clean && matches!(ended, Some(Err(_))) {
            world::object(format!("{} was not served on a calm network", self.name));
        }
        if let (Some(Ok(())), Some(held)) = (&ended, turn.held.take()) {
            invariants::check_ok(&held);
            if way != Way::Background {
                invariants::check_told(&held);
            }
        }
    }

    /// `None`: given up by its caller, or not released by hand.
    async fn hold_by_hand(&self, turn: &Turn) -> Option<Result<(), LockError>> {
        let mut request = self.client.lock(turn.key.to_string());
        request = request.ttl(turn.ttl).wait(turn.wait);
        request = request.min_hold(turn.min_hold);
        if turn.ttl >= RENEWED && world::chance(|chance| chance.percent(50)) {
            request = request.renew();
        }
        let took = self.stopwatch();
        let called = turn.patience.with(request.acquire()).await;
        self.within("an acquire", took, turn.wait);
        let guard = match called? {
            Ok(guard) => guard,
            Err(error) => return Some(Err(error)),
        };
        let from = world::with(|world| world.now);
        let watch = Watch::over(self.name, &guard);
        invariants::stays(turn, &watch.token);
        let began = Instant::now();
        watch.polled(guard.remaining());
        while began.elapsed() < turn.hold {
            sleep(world::chance(|chance| chance.millis(1..20))).await;
            watch.polled(guard.remaining());
            self.meddle(&guard).await;
            watch.polled(guard.remaining());
        }
        *turn.held.borrow_mut() = Some(Holding {
            token: watch.token.clone(),
            from,
            to: world::with(|world| world.now),
            late: guard.remaining().is_zero(),
            ended: Instant::now(),
        });
        drop(watch);
        if world::chance(|chance| chance.percent(30)) {
            world::tell(self.name, format_args!("drops its guard"));
            return None;
        }
        let took = self.stopwatch();
        let released = turn.patience.with(guard.release()).await;
        self.within("a release", took, Duration::ZERO);
        Some(released?.map(drop))
    }

    /// What they answer is judged by what others see meanwhile.
    async fn meddle(&self, guard: &LockGuard) {
        let took = self.stopwatch();
        match world::chance(|chance| chance.below(12)) {
            0 => drop(guard.extend().await),
            1 => drop(guard.check().await),
            _ => return,
        }
        self.within("a check or an extension", took, Duration::ZERO);
    }

    fn stopwatch(&self) -> (Instant, Duration) {
        (Instant::now(), self.jumped())
    }

    fn jumped(&self) -> Duration {
        world::with(|world| world.jumped.get(self.host).copied().unwrap_or_default())
    }

    fn since(&self, then: (Instant, Duration)) -> Duration {
        let jumped = self.jumped().saturating_sub(then.1);
        then.0.elapsed().saturating_sub(jumped)
    }

    /// No caller waits for longer than it has said, and one command deadline.
    fn within(&self, what: &str, since: (Instant, Duration), wait: Duration) {
        let took = self.since(since);
        let most = wait + COMMAND_DEADLINE + GRAIN;
        if took > most {
            world::object(format!(
                "{what} of {} took {took:?}, not {most:?}",
                self.name
            ));
        }
    }
}

fn variant(error: &LockError) -> String {
    let error = format!("{error:?}");
    let name = error.split([' ', '{']).next().unwrap_or_default();
    name.to_owned()
}
