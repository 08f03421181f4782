//! All of it at once: waiters of all kinds, some of which leave, while lines and connections are spoiled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lock_runtime::{LockClient, LockError};
use tests::{Chance, Proxy};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::world::{KEY, LINE, LONG, NAME, SECOND, World, drain, settings, until};

const CLIENTS: usize = 4;
const TASKS: usize = 4;

#[derive(Default)]
struct Counts {
    inside: AtomicUsize,
    /// Those whom somebody met inside.
    met: AtomicUsize,
    /// Turns that ended because nobody could extend them in time.
    lost: AtomicUsize,
    turns: AtomicUsize,
    left: AtomicUsize,
    failed: AtomicUsize,
}

fn drawn(chance: &mut Chance, most: Duration) -> Duration {
    most.mul_f64(chance.fraction())
}

async fn come_and_go(client: LockClient, mut chance: Chance, over: Instant, counts: Arc<Counts>) {
    while Instant::now() < over {
        let wait = drawn(&mut chance, SECOND);
        let request = client.lock(NAME).wait(wait).ttl(5 * SECOND);
        let request = if chance.fraction() < 0.3 {
            request.fenced()
        } else {
            request
        };
        // Some are dropped in mid-wait.
        let patience = if chance.fraction() < 0.2 {
            drawn(&mut chance, SECOND / 10)
        } else {
            LONG
        };
        match timeout(patience, request.acquire()).await {
            Ok(Ok(guard)) => {
                let inside = counts.inside.fetch_add(1, Ordering::SeqCst);
                counts.met.fetch_add(inside, Ordering::SeqCst);
                let longest = if chance.fraction() < 0.05 { 300 } else { 4 };
                let body = sleep(drawn(&mut chance, Duration::from_millis(longest)));
                let whole = tokio::select! {
                    biased;
                    () = guard.lost() => false,
                    () = body => true,
                };
                counts.inside.fetch_sub(1, Ordering::SeqCst);
                counts.lost.fetch_add(usize::from(!whole), Ordering::SeqCst);
                counts.turns.fetch_add(1, Ordering::SeqCst);
                match guard.release().await {
                    Ok(_) | Err(LockError::Indeterminate { .. }) => {}
                    Err(error) => assert!(!whole, "{error}"),
                }
            }
            Ok(Err(LockError::WaitTimeout { .. })) | Err(_) => {
                counts.left.fetch_add(1, Ordering::SeqCst);
            }
            Ok(Err(error)) => {
                println!("{error}");
                counts.failed.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

async fn spoil(world: &World, proxies: &[Proxy], chance: &mut Chance) {
    match chance.fraction() {
        n if n < 0.3 => {
            let _: usize = world.run(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
        }
        n if n < 0.5 => {
            let _: usize = world.run(&["DEL", LINE]).await;
        }
        n if n < 0.6 => {
            let _: usize = world.run(&["DEL", LINE]).await;
            let _: () = world.run(&["SET", LINE, "no line", "PX", "100"]).await;
        }
        n if n < 0.8 => {
            let crowd = "for n = 1, 40 do redis.call('ZADD', KEYS[1], n, '200:6:nobodyx' .. n) end";
            if world.run::<String>(&["TYPE", LINE]).await != "string" {
                let _: Result<(), _> = redis::cmd("EVAL")
                    .arg(&[crowd, "1", LINE])
                    .query_async(&mut world.server.raw().await)
                    .await;
            }
        }
        n if n < 0.9 => {
            let _: () = world.run(&["SCRIPT", "FLUSH"]).await;
        }
        _ => {
            let at = usize::from(chance.fraction() < 0.5);
            proxies[at].reset();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_and_goes_there_is_one_holder_and_nothing_is_left() {
    let world = World::start().await;
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut chance = Chance::new(seed);
    let (mut proxies, mut clients) = (Vec::new(), Vec::new());
    for _ in 0..CLIENTS {
        let proxy = Proxy::start(world.server.port()).await;
        let client = settings().connect(&proxy.url()).await.expect("answers");
        proxies.push(proxy);
        clients.push(client);
    }
    let over = Instant::now() + 5 * SECOND;
    let counts = Arc::new(Counts::default());
    let mut tasks = JoinSet::new();
    for (n, client) in clients.iter().cycle().take(CLIENTS * TASKS).enumerate() {
        let chance = Chance::new(seed.wrapping_add(n as u64 + 1));
        tasks.spawn(come_and_go(client.clone(), chance, over, counts.clone()));
    }
    while Instant::now() < over {
        sleep(drawn(&mut chance, SECOND / 10)).await;
        spoil(&world, &proxies, &mut chance).await;
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic");
    }
    let count = |count: &AtomicUsize| count.load(Ordering::SeqCst);
    let (turns, left) = (count(&counts.turns), count(&counts.left));
    let failed = count(&counts.failed);
    let (met, lost) = (count(&counts.met), count(&counts.lost));
    println!("{turns} turns, {left} left, {failed} failed, {lost} lost, {met} met another");
    assert!(turns > 100 && failed < 20, "{turns} turns, {failed} failed");
    // Who has lost and is late to notice on a busy machine may be met, nobody else.
    assert!(lost < turns / 20 && met <= lost, "{lost} lost, {met} met");
    for client in &clients {
        drain(client).await;
    }
    // What a stranger put into the line stays there for as long as others wait in it.
    let _: usize = world.run(&["DEL", LINE]).await;
    until(SECOND, async || {
        world.run::<usize>(&["EXISTS", KEY]).await == 0
    })
    .await;
}
