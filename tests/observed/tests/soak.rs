//! Many locks, losses and kills, while a real Prometheus looks on. `LOCK_TEST_LONG=1` for 30 s instead of 8.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lock_runtime::{LockClient, LockError, distributed_lock};
use observed::{Export, answered_while, exporter, names_are_exported};
use redis::cmd;
use tests::{Chance, Server};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const TASKS: u64 = 24;
const KEYS: u64 = 6;
const DEADLINE: Duration = Duration::from_millis(300);

#[distributed_lock(key = "order:<user_id>", ttl = "1s", wait = "2s")]
async fn place_order(user_id: u64, takes: Duration) -> Result<u64, LockError> {
    sleep(takes).await;
    Ok(user_id)
}

#[distributed_lock(key = "report:<day>", ttl = "600ms", renew)]
async fn report(day: u64, takes: Duration) -> Result<u64, LockError> {
    sleep(takes).await;
    Ok(day)
}

#[distributed_lock(key = "mail:<user_id>", ttl = "1s", release = "background")]
async fn send_mail(user_id: u64, takes: Duration) -> Result<u64, LockError> {
    sleep(takes).await;
    Ok(user_id)
}

fn length() -> Duration {
    let long = std::env::var_os("LOCK_TEST_LONG").is_some();
    Duration::from_secs(if long { 30 } else { 8 })
}

#[test]
fn a_soak_leaves_numbers_that_agree_and_answers_every_query() {
    let exporter = exporter();
    answered_while(exporter.clone(), || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(soak());
    });
    let export = Export::of(&exporter);
    println!("{}", export.short());
    names_are_exported(&export);
    for now in ["lock_held", "lock_waiting"] {
        let left = export.sum(now, &[]);
        assert!(left.abs() < 0.5, "{now} is {left} when all is over");
    }
    let taken = export.sum("lock_acquisitions_total", &[("outcome", "acquired")]);
    assert!(taken > 200.0, "{taken}");
    for each in ["lock_wait_seconds_count", "lock_hold_seconds_count"] {
        let counted = export.sum(each, &[]);
        assert!(
            (counted - taken).abs() < 0.5,
            "{each}: {counted}, not {taken}"
        );
    }
    let lost = export.sum("lock_lost_total", &[]);
    let failed = export.sum("lock_release_failures_total", &[]);
    assert!(lost >= 1.0 && failed >= 1.0, "{lost} lost, {failed} failed");
}

/// Uses, kills and robs locks for [`length`], then lets everything end.
async fn soak() {
    let server = Arc::new(Server::start(&[]));
    let mut clients = Vec::new();
    for most in [2, 100, 100] {
        let client = LockClient::builder().command_deadline(DEADLINE);
        let client = client.max_waiters_per_key(most);
        let client = client.connect(&server.url()).await;
        clients.push(client.expect("the server answers"));
    }
    let over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for seed in 0..TASKS {
        let at = usize::try_from(seed).expect("few") % clients.len();
        tasks.spawn(works(clients[at].clone(), seed, over.clone()));
    }
    tasks.spawn(robs(server.clone(), over.clone()));
    // Before the server forgets its user, and early enough to be seen to be there and to stay.
    let polls = polls(&server).await;
    let begun = Instant::now();
    let mut kills = Chance::new(99);
    while begun.elapsed() < length() {
        sleep(Duration::from_millis(1_500 + kills.below(1_500))).await;
        let killed = server.clone();
        // It blocks for a moment.
        let kill = move || {
            killed.kill();
            std::thread::sleep(Duration::from_millis(700));
            killed.restart();
        };
        tokio::task::spawn_blocking(kill).await.expect("restarted");
    }
    leaves(&server).await;
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no task panics");
    }
    clients.push(polls);
    for client in clients {
        let left = client.shutdown(Duration::from_secs(5)).await;
        assert!(left.is_empty(), "{left:?}");
    }
}

async fn connected(url: &str) -> LockClient {
    let client = LockClient::builder().command_deadline(DEADLINE);
    client.connect(url).await.expect("the server answers")
}

async fn works(client: LockClient, seed: u64, over: Arc<AtomicBool>) {
    let mut chance = Chance::new(seed);
    while !over.load(Ordering::Relaxed) {
        let id = chance.below(KEYS);
        let takes = Duration::from_millis(chance.below(20));
        // What comes of a call is for the metrics to say.
        match chance.below(12) {
            // Without a client: a mistake.
            11 => drop(place_order(id, takes).await),
            0 => drop(client.scope(report(id, takes * 50)).await),
            1 | 2 => drop(client.scope(send_mail(id, takes)).await),
            3 => {
                let call = client.scope(place_order(id, takes));
                drop(timeout(Duration::from_millis(chance.below(15)), call).await);
            }
            4 => {
                // As short as the others: a SET without an answer is looked after until its ttl is over.
                let shelf = client
                    .lock("shelf")
                    .name("shelf")
                    .ttl(Duration::from_secs(1));
                let shelf = shelf.wait(takes * 20);
                if let Ok(guard) = shelf.acquire().await {
                    sleep(takes).await;
                    drop(guard);
                }
            }
            _ => drop(client.scope(place_order(id, takes)).await),
        }
        sleep(takes / 4).await;
    }
}

/// Deletes locks that others hold.
async fn robs(server: Arc<Server>, over: Arc<AtomicBool>) {
    let mut chance = Chance::new(7);
    let client = redis::Client::open(server.url()).expect("a URL of our own making");
    while !over.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(60)).await;
        let Ok(mut connection) = client.get_multiplexed_async_connection().await else {
            continue;
        };
        let id = chance.below(KEYS);
        for key in [format!("lock:order:{id}"), format!("lock:report:{id}")] {
            let delete = cmd("DEL").arg(key).to_owned();
            let _: Result<(), _> = delete.query_async(&mut connection).await;
        }
    }
}

/// A user who may not listen: it waits by polling.
async fn polls(server: &Server) -> LockClient {
    let mut admin = server.raw().await;
    let mut user = cmd("ACL");
    user.arg("SETUSER").arg("deaf").arg("on").arg(">secret");
    user.arg("~lock:*").arg("+@all").arg("-subscribe");
    let () = user.query_async(&mut admin).await.expect("a user");
    let url = server.url().replace("redis://", "redis://deaf:secret@");
    let client = connected(&url).await;
    let holder = connected(&server.url()).await;
    let held = holder.lock("denied").name("denied").acquire().await;
    let held = held.expect("free");
    let waits = client
        .lock("denied")
        .name("denied")
        .wait(Duration::from_millis(500));
    waits.acquire().await.expect_err("held all the time");
    held.release().await.expect("ours");
    client
}

/// A server that goes away for good, with a lock on it.
async fn leaves(server: &Server) {
    let other = Server::start(&[]);
    let client = connected(&other.url()).await;
    let request = client
        .lock("left")
        .name("left")
        .ttl(Duration::from_millis(500));
    let guard = request.acquire().await.expect("free");
    other.kill();
    drop(guard);
    // Given up at the end of its ttl.
    let rest = client.shutdown(Duration::from_secs(10)).await;
    assert!(rest.is_empty(), "{rest:?} while {} is up", server.port());
}
