//! A server that is killed and starts again without its data, over and over, under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lock_runtime::{LockClient, LockError, distributed_lock};
use tests::{Chance, Server};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::{drain, long};

/// Beyond what a machine that is busy with all this may be late by, as the claim is.
const TTL: Duration = Duration::from_secs(2);
const CLAIM: Duration = Duration::from_secs(1);
const COMMAND_DEADLINE: Duration = Duration::from_secs(2);
const KEYS: usize = 6;
/// At each key, beside its holder.
const WAITERS: usize = 3;
/// Tasks that take other locks meanwhile.
const LOAD: u64 = 24;

/// When the server was killed, and when it served again.
type Outage = (Instant, Instant);

#[distributed_lock(key = "hold:<key>", ttl = TTL, wait = "30s", renew, client = client.clone())]
async fn hold(
    client: &LockClient,
    key: usize,
    began: UnboundedSender<()>,
) -> Result<(), LockError> {
    began.send(()).expect("somebody counts");
    std::future::pending().await
}

#[distributed_lock(key = "hold:<key>", ttl = TTL, wait = "30s", renew, client = client.clone())]
async fn pass(client: &LockClient, key: usize) -> Result<Instant, LockError> {
    let turn = Instant::now();
    sleep(Duration::from_millis(5)).await;
    Ok(turn)
}

/// When a body began and ended; filled by itself.
type Section = (Instant, Option<Instant>);

#[distributed_lock(key = "load:<key>", ttl = TTL, wait = "10s", renew, client = client.clone())]
async fn work(
    client: &LockClient,
    key: u64,
    length: Duration,
    section: &mut Option<Section>,
) -> Result<(), LockError> {
    let began = Instant::now();
    *section = Some((began, None));
    sleep(length).await;
    *section = Some((began, Some(Instant::now())));
    Ok(())
}

/// What the load saw.
#[derive(Default)]
struct Load {
    /// Bodies that ran to their end, and whether the call then said so.
    sections: Vec<(Instant, Instant, bool)>,
    lost: usize,
    failed: usize,
}

async fn load(client: LockClient, task: u64, over: Arc<AtomicBool>) -> Load {
    let mut chance = Chance::new(task);
    let mut seen = Load::default();
    while !over.load(Ordering::Relaxed) {
        let length = Duration::from_millis(chance.within(1..400));
        let mut section = None;
        let ended = work(&client, chance.within(0..LOAD), length, &mut section).await;
        if let Some((began, Some(done))) = section {
            seen.sections.push((began, done, ended.is_ok()));
        }
        match ended {
            Ok(()) => {}
            Err(LockError::Lost { .. }) => seen.lost += 1,
            Err(_) => seen.failed += 1,
        }
    }
    seen
}

struct Clients {
    holders: Vec<LockClient>,
    waiters: Vec<LockClient>,
}

/// How long after the server served again each holder was told and each waiter went on.
async fn round(
    server: &Server,
    clients: &Clients,
    chance: &mut Chance,
) -> (Outage, Vec<Duration>, Vec<Duration>) {
    let (began, mut starts) = unbounded_channel();
    let mut holders = JoinSet::new();
    for (key, client) in clients.holders.iter().cloned().enumerate() {
        let began = began.clone();
        holders.spawn(async move { (hold(&client, key, began).await, Instant::now()) });
    }
    for _ in 0..KEYS {
        starts.recv().await.expect("all hold");
    }
    let mut waiters = JoinSet::new();
    for (n, client) in clients.waiters.iter().cloned().enumerate() {
        waiters.spawn(async move { pass(&client, n % KEYS).await });
    }
    // Long enough for each to have asked.
    sleep(Duration::from_millis(120 + chance.within(0..250))).await;
    let killed = Instant::now();
    server.kill();
    sleep(Duration::from_millis(chance.within(0..200))).await;
    server.restart();
    let restarted = Instant::now();
    let mut told = Vec::new();
    while let Some(ended) = holders.join_next().await {
        let (ended, at) = ended.expect("no panic");
        assert!(
            matches!(ended, Err(LockError::Lost { .. })),
            "not told: {ended:?}"
        );
        told.push(at.saturating_duration_since(restarted));
    }
    let mut went_on = Vec::new();
    while let Some(passed) = waiters.join_next().await {
        let turn = passed.expect("no panic").expect("its turn comes");
        went_on.push(turn.saturating_duration_since(restarted));
    }
    ((killed, restarted), told, went_on)
}

/// The share of sections over an outage whose call said nothing of it.
fn silent(seen: &[Load], outages: &[Outage]) -> (usize, usize) {
    let over = |began: Instant, done: Instant| {
        let forgotten = |outage: &Outage| began < outage.0 && done > outage.1;
        outages.iter().any(forgotten)
    };
    let sections = seen.iter().flat_map(|load| &load.sections);
    let over: Vec<_> = sections
        .filter(|(began, done, _)| over(*began, *done))
        .collect();
    (
        over.iter().filter(|(_, _, said_ok)| *said_ok).count(),
        over.len(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_again_and_again_tells_every_holder_and_keeps_no_waiter() {
    let rounds = if long() { 50 } else { 4 };
    let server = Arc::new(Server::start(&[]));
    let url = server.url();
    let some = async |count| {
        let mut clients = Vec::new();
        for _ in 0..count {
            let builder = LockClient::builder().command_deadline(COMMAND_DEADLINE);
            let client = builder.claim(CLAIM).connect(&url).await;
            clients.push(client.expect("the server answers"));
        }
        clients
    };
    let clients = Clients {
        holders: some(KEYS).await,
        waiters: some(KEYS * WAITERS).await,
    };
    let over = Arc::new(AtomicBool::new(false));
    let loaded = some(4).await;
    let mut tasks = JoinSet::new();
    for task in 0..LOAD {
        let client = loaded[usize::try_from(task % 4).expect("small")].clone();
        tasks.spawn(load(client, task, over.clone()));
    }
    let mut chance = Chance::new(7);
    let (mut outages, mut told, mut went_on) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let one = timeout(
            Duration::from_secs(30),
            round(&server, &clients, &mut chance),
        );
        let (outage, holders, waiters) = one.await.expect("nobody is stuck");
        outages.push(outage);
        told.extend(holders);
        went_on.extend(waiters);
    }
    over.store(true, Ordering::Relaxed);
    let mut seen = Vec::new();
    while let Some(load) = tasks.join_next().await {
        seen.push(load.expect("no panic"));
    }
    for list in [&mut told, &mut went_on] {
        list.sort();
    }
    let (silent, over) = silent(&seen, &outages);
    let sum = |part: fn(&Load) -> usize| seen.iter().map(part).sum::<usize>();
    println!(
        "restarts={rounds} holders told lost={} (median {:?}, max {:?} after the restart), \
         waiters that went on={} (median {:?}, max {:?}); load: {} sections, {} of them over a \
         restart, silently={silent}, lost={}, failed to acquire={}",
        told.len(),
        told[told.len() / 2],
        told[told.len() - 1],
        went_on.len(),
        went_on[went_on.len() / 2],
        went_on[went_on.len() - 1],
        sum(|load| load.sections.len()),
        over,
        sum(|load| load.lost),
        sum(|load| load.failed),
    );
    assert_eq!(silent, 0, "holders that were not told");
    let bound = TTL + Duration::from_secs(1);
    assert!(
        told[told.len() - 1] <= bound,
        "told after {:?}",
        told[told.len() - 1]
    );
    assert!(
        went_on[went_on.len() - 1] <= bound,
        "{:?}",
        went_on[went_on.len() - 1]
    );
    for client in clients
        .holders
        .iter()
        .chain(&clients.waiters)
        .chain(&loaded)
    {
        drain(client).await;
    }
}
