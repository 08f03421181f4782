//! The line on the server: its order, and who leaves it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lock_runtime::{LockError, LockRequest, distributed_lock};
use tests::Server;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::waiting::{got, stand, wait};
use crate::world::{KEY, LINE, LONG, NAME, SECOND, SOON, World, connect, drain, take, until};

const CLIENTS: usize = 6;

#[tokio::test]
async fn clients_are_served_in_the_order_in_which_they_came() {
    let world = World::start().await;
    let holder = world.client("holder").await;
    let held = take(&holder, NAME).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = JoinSet::new();
    for n in 0..CLIENTS {
        let client = world.client(&format!("waiter-{n}")).await;
        let order = order.clone();
        waiting.spawn(async move {
            let guard = client.lock(NAME).wait(LONG).acquire().await;
            let guard = guard.expect("its turn");
            order.lock().expect("no panic").push(n);
            guard.release().await.expect("ours");
            drain(&client).await;
        });
        world.until_in_line(n + 1).await;
    }
    let released = Instant::now();
    held.release().await.expect("ours");
    waiting.join_all().await;
    let order = order.lock().expect("no panic").clone();
    assert_eq!(order, (0..CLIENTS).collect::<Vec<_>>());
    // No turn took a poll, nor a claim.
    assert!(released.elapsed() < SOON, "{:?}", released.elapsed());
    drain(&holder).await;
    world.until_empty().await;
}

#[tokio::test]
async fn fences_grow_from_client_to_client() {
    let world = World::start().await;
    let mut last = None;
    let clients = [
        world.client("one").await,
        world.client("two").await,
        world.client("three").await,
    ];
    let held = clients[0].lock(NAME).fenced().acquire().await;
    let mut held = Some(held.expect("free"));
    for n in 1..30 {
        let request = clients[n % 3].lock(NAME).fenced().wait(LONG);
        let waiting = tokio::spawn(request.acquire());
        world.until_in_line(1).await;
        let guard = held.take().expect("one holds it");
        let fence = guard.fencing_token();
        assert!(fence > last, "{fence:?} after {last:?}");
        last = fence;
        let released = Instant::now();
        guard.release().await.expect("ours");
        held = Some(got(waiting).await);
        assert!(released.elapsed() < SOON, "{:?}", released.elapsed());
    }
    assert!(held.expect("the last").fencing_token() > last);
}

#[tokio::test]
async fn who_gives_up_or_is_cancelled_leaves_the_line_and_its_key_goes_with_the_last() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, NAME).await;
    for cancelled in [false, true] {
        let wait = if cancelled { LONG } else { SECOND / 4 };
        let waiting = tokio::spawn(waiter.lock(NAME).wait(wait).acquire());
        world.until_in_line(1).await;
        if cancelled {
            waiting.abort();
            assert!(waiting.await.is_err_and(|error| error.is_cancelled()));
        } else {
            let error = waiting.await.expect("no panic").expect_err("held");
            assert!(matches!(error, LockError::WaitTimeout { .. }), "{error}");
        }
        // Long before its limit.
        until(SOON, async || {
            world.run::<usize>(&["EXISTS", LINE]).await == 0
        })
        .await;
    }
    held.release().await.expect("ours");
    drain(&holder).await;
    drain(&waiter).await;
    world.until_empty().await;
}

#[tokio::test]
async fn the_head_that_left_holds_up_neither_its_own_client_nor_others() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let other = world.client("other").await;
    let held = take(&holder, NAME).await;
    let (first, left) = stand(&world, &waiter, 0).await;
    let (others, _) = stand(&world, &other, 1).await;
    let second = wait(&waiter);
    tokio::task::yield_now().await;
    first.abort();
    // The second comes into line behind the other client.
    until(SECOND, async || {
        let entries = world.line().await;
        entries.len() == 2 && !entries.contains(&left)
    })
    .await;
    let released = Instant::now();
    held.release().await.expect("ours");
    // In whatever order: where the server deletes by a command of its own, the lock is free for a moment.
    let [others, second] = [others, second]
        .map(|waiting| tokio::spawn(async { got(waiting).await.release().await.expect("ours") }));
    others.await.expect("its turn");
    second.await.expect("its turn");
    assert!(released.elapsed() < SOON, "{:?}", released.elapsed());
    for client in [&holder, &waiter, &other] {
        drain(client).await;
    }
    world.until_empty().await;
}

#[distributed_lock(key = "order:<id>", ttl = 10, release = "background")]
async fn in_background(id: &str, runs: Arc<Notify>, on: Arc<Notify>) -> Result<(), LockError> {
    runs.notify_one();
    on.notified().await;
    Ok(())
}

#[tokio::test]
async fn a_release_in_the_background_passes_on() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let (runs, on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let body = in_background("42", runs.clone(), on.clone());
    let running = tokio::spawn(async move { holder.scope(body).await.map(|()| holder) });
    runs.notified().await;
    let (waiting, _) = stand(&world, &waiter, 0).await;
    on.notify_one();
    let holder = running.await.expect("no panic").expect("held to the end");
    let over = Instant::now();
    let next = got(waiting).await;
    assert!(over.elapsed() < SOON, "{:?}", over.elapsed());
    next.release().await.expect("ours");
    drain(&holder).await;
    drain(&waiter).await;
    world.until_empty().await;
}

/// A Cluster of one node.
async fn cluster() -> World {
    let bus = Server::free_port().to_string();
    let arguments = ["--cluster-enabled", "yes", "--cluster-port", &bus];
    let world = World::on(Server::start_in(Some(Server::folder()), &arguments)).await;
    let _: () = world.run(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    until(LONG, async || {
        let told: String = world.run(&["CLUSTER", "INFO"]).await;
        told.contains("cluster_state:ok")
    })
    .await;
    world
}

#[tokio::test]
async fn a_line_lies_in_the_cluster_slot_of_its_lock() {
    let world = cluster().await;
    let (holder, waiter) = (
        connect(&world.server.url()).await,
        connect(&world.server.url()).await,
    );
    let same: fn(LockRequest) -> LockRequest = |request| request;
    for key in ["order:42", "{order:42}:x", "a:{b}:{c}"] {
        for wish in [same, LockRequest::fenced] {
            let held = wish(holder.lock(key)).acquire().await.expect("free");
            let waiting = tokio::spawn(wish(waiter.lock(key)).wait(LONG).acquire());
            let mut line = Vec::new();
            until(LONG, async || {
                line = world.run::<Vec<String>>(&["KEYS", "lock:line:*"]).await;
                !line.is_empty()
            })
            .await;
            let mut slots = Vec::new();
            for key in [&line[0], held.key()] {
                slots.push(world.run::<u32>(&["CLUSTER", "KEYSLOT", key]).await);
            }
            assert!(
                line.len() == 1 && slots[0] == slots[1],
                "{line:?}: {slots:?}"
            );
            let released = Instant::now();
            held.release().await.expect("ours");
            let next = got(waiting).await;
            assert!(released.elapsed() < SOON, "{:?}", released.elapsed());
            next.release().await.expect("ours");
        }
    }
}

#[tokio::test]
async fn a_lock_whose_key_leaves_no_room_for_a_line_is_waited_for_by_polls() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, "a}b").await;
    let waiting = tokio::spawn(waiter.lock("a}b").wait(LONG).acquire());
    until(LONG, async || world.ran("set").await > 20).await;
    assert!(
        world
            .run::<Vec<String>>(&["KEYS", "lock:line:*"])
            .await
            .is_empty()
    );
    held.release().await.expect("ours");
    got(waiting).await.release().await.expect("ours");
}

#[tokio::test]
async fn a_short_ttl_is_passed_on_for_no_longer_than_that() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, NAME).await;
    let ttl = Duration::from_millis(60);
    let waiting = tokio::spawn(waiter.lock(NAME).ttl(ttl).wait(LONG).acquire());
    world.until_in_line(1).await;
    let entry: Vec<String> = world.run(&["ZRANGE", LINE, "0", "-1"]).await;
    assert!(entry[0].starts_with("60:"), "{entry:?}");
    held.release().await.expect("ours");
    let next = got(waiting).await;
    assert!(next.remaining() <= ttl);
    next.release().await.expect("ours");
}

#[tokio::test]
async fn the_key_of_a_line_outlives_its_longest_wait_and_no_more() {
    let world = World::start().await;
    let holder = world.client("holder").await;
    let held = take(&holder, NAME).await;
    let waiters = [world.client("long").await, world.client("short").await];
    let mut waiting = Vec::new();
    for (n, wait) in [40 * SECOND, 5 * SECOND].into_iter().enumerate() {
        waiting.push(tokio::spawn(waiters[n].lock(NAME).wait(wait).acquire()));
        world.until_in_line(n + 1).await;
    }
    let left = Duration::from_millis(world.run::<u64>(&["PTTL", LINE]).await);
    assert!(left > 40 * SECOND && left < 60 * SECOND, "{left:?}");
    held.release().await.expect("ours");
    for waiting in waiting {
        got(waiting).await.release().await.expect("ours");
    }
    assert_eq!(world.run::<usize>(&["EXISTS", KEY, LINE]).await, 0);
}
