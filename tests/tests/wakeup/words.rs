//! News that is late, wrong, doubled or nobody's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::trace::Trace;
use crate::waiting::{got, stand};
use crate::world::{Entry, KEY, LONG, NAME, SECOND, SOON, World, drain, take};

/// Longer than a claim: what a head knows is too old to act on news alone.
const OLD: Duration = Duration::from_millis(250);
const TIMES: usize = 50;

async fn publish(world: &World, to: &Entry, words: &str) {
    let heard: usize = world.run(&["PUBLISH", &to.address, words]).await;
    assert_eq!(heard, 1, "{words:?}");
}

#[tokio::test]
async fn news_that_means_nobody_here_wakes_nobody() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, NAME).await;
    // One whose turn is long over, and one who left.
    let (before, served) = stand(&world, &waiter, 0).await;
    held.release().await.expect("ours");
    got(before).await.release().await.expect("ours");
    let held = take(&holder, NAME).await;
    let (cancelled, left) = stand(&world, &waiter, 0).await;
    cancelled.abort();
    world.until_in_line(0).await;
    let (waiting, entry) = stand(&world, &waiter, 0).await;
    sleep(OLD).await;
    let trace = Trace::start(&world).await;
    let turn = |token: &str| format!("turn {token}");
    let own = &*entry.token;
    for _ in 0..TIMES {
        for words in [
            &*turn(&served.token),
            &turn(&left.token),
            &turn(held.token().as_str()),
            &format!("next 0 {}", served.token),
            &format!("next x {own}"),
            &format!("next -1 {own}"),
            &format!("next 99999999999999999999 {own}"),
            &format!("turn  {own}"),
            &format!("turn {own} "),
            &format!("TURN {own}"),
            "turn",
            "",
            " ",
            "\r\n",
            "*1\r\n$4\r\nPING\r\n",
        ] {
            publish(&world, &entry, words).await;
        }
    }
    let bytes: usize = redis::cmd("PUBLISH")
        .arg(&entry.address)
        .arg(b"turn \xff\xfe\x00")
        .query_async(&mut world.server.raw().await)
        .await
        .expect("an answer");
    assert_eq!(bytes, 1);
    // And one that is news: by its answer all before it was heard.
    publish(&world, &entry, &turn(own)).await;
    trace.until(|line| line.contains("\"EVALSHA\"")).await;
    let steps = trace.end("News of nothing").await;
    let joins = steps.by("waiter");
    // That one, and a poll.
    assert!((1..=2).contains(&joins.len()), "{joins:?}");
    assert!(!waiting.is_finished());
    held.release().await.expect("ours");
    let released = Instant::now();
    got(waiting).await.release().await.expect("ours");
    assert!(released.elapsed() < SOON, "{:?}", released.elapsed());
    drain(&holder).await;
    drain(&waiter).await;
    world.until_empty().await;
}

#[tokio::test]
async fn who_is_told_of_its_turn_too_late_asks_and_holds_nothing() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, NAME).await;
    let (waiting, entry) = stand(&world, &waiter, 0).await;
    for n in 1..=10 {
        sleep(OLD).await;
        let trace = Trace::start(&world).await;
        publish(&world, &entry, &format!("turn {}", entry.token)).await;
        trace.until(|line| line.contains("\"EVALSHA\"")).await;
        let steps = trace
            .end(&format!("Its turn, as somebody says for the {n}. time"))
            .await;
        assert_eq!(steps.by("waiter")[0], "join");
        assert!(!waiting.is_finished(), "it runs beside the holder");
    }
    let there: String = world.run(&["GET", KEY]).await;
    assert_eq!(there, held.token().as_str());
    held.release().await.expect("ours");
    got(waiting).await.release().await.expect("ours");
    drain(&holder).await;
    drain(&waiter).await;
    world.until_empty().await;
}

#[tokio::test]
async fn being_told_to_be_the_next_costs_a_question_each_time_and_no_more() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, NAME).await;
    let wait = 2 * SECOND;
    let asked = Instant::now();
    let waiting = tokio::spawn(waiter.lock(NAME).wait(wait).acquire());
    let entry = world.until_in_line(1).await.remove(0);
    let trace = Trace::start(&world).await;
    for _ in 0..TIMES {
        for claim in ["0", "1", "200", "18446744073709551615"] {
            let words = format!("next {claim} {}", entry.token);
            publish(&world, &entry, &words).await;
        }
    }
    let error = waiting.await.expect("no panic").expect_err("held");
    let took = asked.elapsed();
    assert!(took >= wait && took < wait + SOON, "{took:?}: {error}");
    let steps = trace.end("Next, as somebody says").await;
    let questions = steps.by("waiter").len();
    assert!(questions < 4 * TIMES, "{questions}");
    held.release().await.expect("ours");
    drain(&holder).await;
    drain(&waiter).await;
    world.until_empty().await;
}

#[tokio::test]
async fn news_that_comes_many_times_makes_one_holder() {
    let world = Arc::new(World::start().await);
    let inside = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for n in 0..3 {
        let client = world.client(&format!("client-{n}")).await;
        let inside = inside.clone();
        tasks.spawn(async move {
            for _ in 0..60 {
                let guard = client.lock(NAME).wait(LONG).acquire().await;
                let guard = guard.expect("its turn");
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two inside");
                sleep(Duration::from_millis(2)).await;
                inside.fetch_sub(1, Ordering::SeqCst);
                guard.release().await.expect("ours");
            }
            drain(&client).await;
        });
    }
    // Whatever anybody was ever told is told again, of whoever stood in line since.
    let repeating = tokio::spawn({
        let world = world.clone();
        async move {
            let mut known: Vec<Entry> = Vec::new();
            loop {
                for entry in world.line().await {
                    if !known.contains(&entry) {
                        known.push(entry);
                    }
                }
                let waits = world.line().await;
                for entry in known.iter().rev().take(30) {
                    // Those who wait are told nothing: it is not their turn.
                    if !waits.contains(entry) {
                        let words = format!("turn {}", entry.token);
                        let _: usize = world.run(&["PUBLISH", &entry.address, &words]).await;
                    }
                }
                sleep(Duration::from_millis(1)).await;
            }
        }
    });
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no panic");
    }
    repeating.abort();
    assert_eq!(world.run::<usize>(&["DBSIZE"]).await, 0);
}
