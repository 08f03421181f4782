//! Many waiters who are all told at once, and connections that break all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lock_runtime::LockClient;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::world::{LONG, NAME, SECOND, SOON, World, connect, drain, settings, take, until};

const WAITERS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flushed_server_tells_ten_thousand_waiters_and_each_asks_once() {
    let world = World::start().await;
    let client = settings().max_waiters(WAITERS).command_deadline(LONG);
    let client = client.connect(&world.server.url()).await.expect("answers");
    let held = "for n = 0, ARGV[1] - 1 do redis.call('SET', 'lock:many:' .. n, 'a stranger') end";
    let _: () = world.run(&["EVAL", held, "0", &WAITERS.to_string()]).await;
    let mut waiting = JoinSet::new();
    for n in 0..WAITERS {
        let request = client.lock(format!("many:{n}")).wait(3 * LONG);
        waiting.spawn(request.acquire());
    }
    // Each has its lock, its line, and has looked at its key.
    until(2 * LONG, async || {
        world.run::<usize>(&["DBSIZE"]).await == 2 * WAITERS && world.ran("get").await > 2 * WAITERS
    })
    .await;
    let before = world.ran("evalsha").await;
    let flushed = Instant::now();
    let _: () = world.run(&["FLUSHALL"]).await;
    let mut guards = Vec::new();
    while let Some(got) = waiting.join_next().await {
        guards.push(got.expect("no panic").expect("free"));
    }
    let took = flushed.elapsed();
    let asked = world.ran("evalsha").await - before;
    println!("{WAITERS} waiters were told and served in {took:?} by {asked} scripts");
    assert!(asked < WAITERS * 3 / 2, "{asked} scripts");
    assert_eq!(world.run::<usize>(&["DBSIZE"]).await, WAITERS);
    drop(guards);
    drain(&client).await;
    world.until_empty().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_for_news_that_are_killed_all_the_time_lose_nobody() {
    let world = Arc::new(World::start().await);
    let inside = Arc::new(AtomicUsize::new(0));
    let turns = Arc::new(AtomicUsize::new(0));
    let clients = [
        connect(&world.server.url()).await,
        connect(&world.server.url()).await,
        connect(&world.server.url()).await,
    ];
    let before = world.ran("evalsha").await;
    let over = Instant::now() + 3 * SECOND;
    let mut tasks = JoinSet::new();
    for n in 0..9 {
        let client = clients[n % 3].clone();
        let (inside, turns) = (inside.clone(), turns.clone());
        tasks.spawn(async move {
            while Instant::now() < over {
                let guard = client.lock(NAME).wait(LONG).acquire().await;
                let guard = guard.expect("its turn");
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two inside");
                sleep(Duration::from_millis(5)).await;
                inside.fetch_sub(1, Ordering::SeqCst);
                turns.fetch_add(1, Ordering::SeqCst);
                guard.release().await.expect("ours");
            }
        });
    }
    let mut killed = 0;
    while Instant::now() < over {
        sleep(Duration::from_millis(50)).await;
        killed += world
            .run::<usize>(&["CLIENT", "KILL", "TYPE", "pubsub"])
            .await;
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic");
    }
    let turns = turns.load(Ordering::SeqCst);
    let asked = world.ran("evalsha").await - before;
    println!("{killed} connections killed in {turns} turns of {asked} scripts");
    assert!(killed > 20, "{killed}");
    assert!(turns > 50, "{turns} turns");
    assert!(asked < 4 * turns + 10 * killed, "{asked} scripts");
    for client in &clients {
        drain(client).await;
    }
    world.until_empty().await;
}

/// Nobody holds the lock up, and nobody is told anything for long.
#[tokio::test]
async fn waiters_whose_connection_for_news_is_killed_wait_on_and_get_their_turn() {
    let world = World::start().await;
    let (holder, waiter): (LockClient, LockClient) =
        (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, NAME).await;
    let waiting = tokio::spawn(waiter.lock(NAME).wait(LONG).acquire());
    world.until_in_line(1).await;
    let before = world.ran("evalsha").await;
    for _ in 0..30 {
        sleep(Duration::from_millis(50)).await;
        let _: usize = world.run(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    }
    assert!(!waiting.is_finished());
    let asked = world.ran("evalsha").await - before;
    println!("{asked} scripts while the connection was killed 30 times");
    // A token of its own and a new place, twice for each, and a little more.
    assert!(asked < 300, "{asked} scripts");
    // Once it is left alone it is told as before.
    let mut stands = Vec::new();
    until(SECOND, async || {
        let line = world.line().await;
        let steady = line.len() == 1 && !line[0].address.is_empty() && stands == line;
        stands = line;
        steady
    })
    .await;
    let freed = Instant::now();
    held.release().await.expect("ours");
    let next = waiting.await.expect("no panic").expect("its turn");
    assert!(freed.elapsed() < SOON, "{:?}", freed.elapsed());
    next.release().await.expect("ours");
    drain(&holder).await;
    drain(&waiter).await;
    world.until_empty().await;
}
