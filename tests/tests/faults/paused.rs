//! Holders that are stopped for longer than their ttl.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lock_runtime::{LockClient, LockError, distributed_lock};
use tests::{Chance, Server, Worker, clock};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::{connect, long};

/// Long enough to stop all who hold, also where this process gets its turn late.
const TTL: Duration = Duration::from_secs(1);
const HOLDERS: u32 = 20;

/// What a body sees of itself, by the clock that all processes share.
#[derive(Debug, Clone, Default)]
struct Seen {
    deadline: Duration,
    /// When the poll of the whole call began that is going on.
    call_polled: Duration,
    /// When the last one began that came as far as the body. A process that is stopped between the
    /// runtime's look at the lease and the body polls the body late, and no code can help that; in a
    /// poll that begins after the deadline, nothing may come so far.
    last_poll: Duration,
    dropped: Duration,
}

struct Noted(Arc<Mutex<Seen>>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.lock().expect("no panic").dropped = clock();
    }
}

#[distributed_lock(key = "paused:<id>", ttl = TTL, guard = lock, client = client.clone())]
async fn hold(
    client: &LockClient,
    id: u32,
    seen: Arc<Mutex<Seen>>,
    inside: UnboundedSender<()>,
) -> Result<(), LockError> {
    let _noted = Noted(seen.clone());
    // In this order: it may come out too early, never too late.
    seen.lock().expect("no panic").deadline = clock() + lock.remaining();
    inside.send(()).expect("somebody counts");
    loop {
        let mut step = pin!(sleep(Duration::from_millis(20)));
        poll_fn(|context| {
            let mut seen = seen.lock().expect("no panic");
            seen.last_poll = seen.call_polled;
            drop(seen);
            step.as_mut().poll(context)
        })
        .await;
    }
}

/// Polls a call, and takes note of when before it looks at anything.
async fn noting_polls<T>(seen: &Mutex<Seen>, call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    poll_fn(|context| {
        seen.lock().expect("no panic").call_polled = clock();
        call.as_mut().poll(context)
    })
    .await
}

/// The worker of this file: in each round all hold until they have lost.
#[test]
fn worker() {
    let Some(orders) = Worker::orders() else {
        return;
    };
    let (url, rounds) = orders.split_once(' ').expect("two words");
    let rounds: u32 = rounds.parse().expect("a number");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = connect(url, Duration::from_secs(2)).await;
        for _ in 0..rounds {
            let (inside, mut entered) = unbounded_channel();
            let mut holders = JoinSet::new();
            for id in 0..HOLDERS {
                let (client, inside) = (client.clone(), inside.clone());
                holders.spawn(async move {
                    let seen = Arc::new(Mutex::new(Seen::default()));
                    let call = hold(&client, id, seen.clone(), inside);
                    let ended = noting_polls(&seen, call).await;
                    let seen = seen.lock().expect("no panic").clone();
                    (ended, seen)
                });
            }
            for _ in 0..HOLDERS {
                entered.recv().await.expect("all get in");
            }
            Worker::tell("inside");
            while let Some(ended) = holders.join_next().await {
                let (ended, seen) = ended.expect("no panic");
                let Err(LockError::Lost { .. }) = ended else {
                    panic!("{ended:?}");
                };
                let moments = [seen.deadline, seen.last_poll, seen.dropped];
                Worker::tell(&moments.map(|at| at.as_nanos().to_string()).join(" "));
            }
        }
    });
}

async fn told_moments(worker: &mut Worker) -> Seen {
    let told = worker.told().await;
    let nanos = |text: &str| Duration::from_nanos(text.parse().expect("a number"));
    let moments: Vec<_> = told.split(' ').map(nanos).collect();
    let [deadline, last_poll, dropped] = moments[..] else {
        panic!("{told}");
    };
    Seen {
        deadline,
        last_poll,
        dropped,
        ..Seen::default()
    }
}

#[tokio::test]
async fn a_holder_stopped_beyond_its_ttl_is_never_polled_again_and_dropped_at_once() {
    let rounds = if long() { 50 } else { 4 };
    let server = Server::start(&[]);
    let mut worker = Worker::start("paused::worker", &format!("{} {rounds}", server.url()));
    let mut chance = Chance::new(1);
    let mut waits = Vec::new();
    for _ in 0..rounds {
        assert_eq!(worker.told().await, "inside");
        sleep(Duration::from_millis(chance.within(0..100))).await;
        worker.stop();
        let stopped = clock();
        sleep(TTL + Duration::from_millis(chance.within(20..200))).await;
        let continued = clock();
        worker.go_on();
        for _ in 0..HOLDERS {
            let seen = told_moments(&mut worker).await;
            assert!(seen.last_poll <= seen.deadline, "a late poll: {seen:?}");
            // Unless this machine was too slow to stop it in time.
            if seen.deadline > stopped {
                assert!(seen.last_poll < continued, "polled after SIGCONT: {seen:?}");
                waits.push(
                    seen.dropped
                        .checked_sub(continued)
                        .expect("not while stopped"),
                );
            }
        }
    }
    waits.sort();
    let count = waits.len();
    assert!(
        count * 10 >= (rounds * HOLDERS) as usize * 9,
        "{count} were stopped in time"
    );
    let part = |percent: usize| waits[(count - 1) * percent / 100];
    println!(
        "{count} holders stopped beyond their ttl of {TTL:?}, late polls=0; from SIGCONT until the \
         body was dropped: min {:?}, median {:?}, 90 % {:?}, 99 % {:?}, max {:?}",
        part(0),
        part(50),
        part(90),
        part(99),
        part(100)
    );
    assert!(part(100) < Duration::from_secs(1), "{:?}", part(100));
}

const COMPUTING: Duration = Duration::from_secs(1);

#[distributed_lock(key = "computing", ttl = COMPUTING * 3, on_lost = "finish", client = client.clone())]
async fn compute(client: &LockClient) -> Result<(), LockError> {
    Worker::tell("inside");
    // No await: nothing can keep it from ending.
    std::thread::sleep(COMPUTING);
    Ok(())
}

/// The worker of the test below.
#[test]
fn computing_worker() {
    let Some(url) = Worker::orders() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let client = connect(&url, Duration::from_secs(2)).await;
        for _ in 0..2 {
            Worker::tell(match compute(&client).await {
                Ok(()) => "ok",
                Err(LockError::Lost { .. }) => "lost",
                Err(_) => "another error",
            });
        }
    });
}

#[tokio::test]
async fn an_output_produced_after_the_deadline_is_lost_and_one_in_time_is_not() {
    let server = Server::start(&[]);
    let mut worker = Worker::start("paused::computing_worker", &server.url());
    assert_eq!(worker.told().await, "inside");
    worker.stop();
    sleep(COMPUTING * 7 / 2).await;
    worker.go_on();
    assert_eq!(worker.told().await, "lost");
    assert_eq!(worker.told().await, "inside");
    assert_eq!(worker.told().await, "ok");
}
