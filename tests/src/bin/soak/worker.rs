//! A worker process: several tasks that ask for locks until they are told to finish.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lock_runtime::LockClient;
use tests::Chance;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::arguments::{Mode, Orders};
use crate::clock::{micros, now};
use crate::link::Link;
use crate::naive::Naive;
use crate::protocol::{How, Told};
use crate::section::{COMMAND_DEADLINE, Locks, Plan, call};

const TASKS: u64 = 8;

/// Works as ordered.
///
/// # Panics
///
/// If the parent cannot be reached.
pub(crate) fn work(orders: &Orders) {
    // Both kinds of runtime: a stop in the one finds all tasks between two polls.
    let runtime = if orders.serial.is_multiple_of(2) {
        Builder::new_current_thread().enable_all().build()
    } else {
        Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
    };
    let runtime = runtime.expect("a runtime");
    runtime.block_on(run(orders));
}

async fn run(orders: &Orders) {
    let link = Link::connect(&orders.socket, orders.serial).expect("the parent listens");
    let locks = locks(orders).await;
    let calls = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let chance = Chance::stream(orders.seed, 1_000 + orders.serial * TASKS + task);
        tasks.spawn(repeat(link.clone(), locks.clone(), chance, calls.clone()));
    }
    while tasks.join_next().await.is_some() {}
    if let Locks::Fenced(client) | Locks::Leased(client) = locks {
        // What it cannot give back in this time its ttl does.
        let _ = client.shutdown(3 * COMMAND_DEADLINE).await;
    }
}

/// The server may just be down.
async fn locks(orders: &Orders) -> Locks {
    if orders.mode == Mode::None {
        let naive = Naive::new(&orders.url).expect("a URL of our own making");
        return Locks::Naive(Arc::new(naive));
    }
    loop {
        let client = LockClient::builder()
            .command_deadline(COMMAND_DEADLINE)
            .connect(&orders.url)
            .await;
        match client {
            Ok(client) if orders.mode == Mode::Fence => return Locks::Fenced(client),
            Ok(client) => return Locks::Leased(client),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn repeat(link: Arc<Link>, locks: Locks, mut chance: Chance, calls: Arc<AtomicU64>) {
    let finishing = link.finishing();
    while !*finishing.borrow() {
        let plan = Plan::draw(&mut chance, calls.fetch_add(1, Ordering::Relaxed));
        let asked = Told::Asked {
            call: plan.call,
            key: plan.key,
            at: now(),
            limit: micros(plan.wait + COMMAND_DEADLINE),
        };
        link.tell(asked);
        let running = call(&link, &locks, &plan);
        let how = match plan.cancelled_after {
            None => running.await,
            Some(limit) => timeout(limit, running).await.unwrap_or(How::Cancelled),
        };
        link.tell(Told::Ended {
            call: plan.call,
            at: now(),
            how,
        });
        sleep(chance.millis(0..=5)).await;
    }
}
