//! Lines that are full of the dead, of nonsense, no lines at all, or gone.

use std::time::Duration;

use lock_runtime::LockClient;
use tokio::time::{Instant, sleep};

use crate::waiting::{got, stand, wait};
use crate::world::{KEY, LINE, LONG, NAME, SECOND, SOON, World, drain, take, until};

/// The longest pause between two polls of one who thinks that it is told.
const QUIET: Duration = Duration::from_secs(2);

/// Puts entries into the line, ahead of all that come later.
async fn crowd(world: &World, count: usize, address: &str) {
    let script = "for n = 1, ARGV[1] do redis.call('ZADD', KEYS[1], n, \
                  '200:' .. #ARGV[2] .. ':' .. ARGV[2] .. 'dead-' .. n) end";
    let words = ["EVAL", script, "1", LINE, &count.to_string(), address];
    let _: () = world.run(&words).await;
}

/// One holds the lock, the other waits and gets it; says how long after the release.
async fn hand_on(world: &World, holder: &LockClient, waiter: &LockClient) -> Duration {
    let held = holder.lock(NAME).wait(LONG).acquire().await;
    let held = held.expect("free in time");
    let waiting = tokio::spawn(waiter.lock(NAME).wait(LONG).acquire());
    until(LONG, async || {
        let last: Vec<String> = world.run(&["ZRANGE", LINE, "-1", "-1"]).await;
        // Parts of a token, which no other entry has.
        last.iter().any(|entry| entry.contains('|'))
    })
    .await;
    let released = Instant::now();
    held.release().await.expect("ours");
    let next = got(waiting).await;
    let after = released.elapsed();
    next.release().await.expect("ours");
    after
}

#[tokio::test]
async fn the_dead_are_stepped_over_however_many_they_are() {
    let world = World::start().await;
    let (one, other) = (world.client("one").await, world.client("other").await);
    for count in [1, 127, 128, 129, 300, 10_000] {
        crowd(&world, count, "nobody listens here").await;
        let mut rounds = 0;
        let mut longest = Duration::ZERO;
        while rounds < 3 && world.run::<usize>(&["EXISTS", LINE]).await == 1 {
            longest = longest.max(hand_on(&world, &one, &other).await);
            // It does not stay for ever.
            let left: i64 = world.run(&["PTTL", LINE]).await;
            assert!(left <= 30_000 && left != -1, "{left}");
            rounds += 1;
        }
        let left: usize = world.run(&["ZCARD", LINE]).await;
        println!("{count} dead: {left} after {rounds} rounds of at most {longest:?}");
        // As many as one script steps over; else a poll finds it out.
        let most = if count < 128 { SOON } else { QUIET + SOON };
        assert!(longest < most, "{count}: {longest:?}");
        assert!(
            left <= count.saturating_sub(rounds * 128),
            "{left} of {count}"
        );
        let _: usize = world.run(&["DEL", LINE]).await;
    }
    drain(&one).await;
    drain(&other).await;
    world.until_empty().await;
}

#[tokio::test]
async fn those_who_are_told_and_do_nothing_cost_no_more_than_a_poll() {
    let world = World::start().await;
    let (one, other) = (world.client("one").await, world.client("other").await);
    // Where another client listens, to whom they mean nothing.
    let held = take(&one, NAME).await;
    let (waiting, entry) = stand(&world, &other, 0).await;
    held.release().await.expect("ours");
    got(waiting).await.release().await.expect("ours");
    for count in [3, 10_000] {
        crowd(&world, count, &entry.address).await;
        for _ in 0..2 {
            let after = hand_on(&world, &one, &other).await;
            println!("{count} who do nothing: {after:?}");
            assert!(after < QUIET + SOON, "{after:?}");
        }
        let _: usize = world.run(&["DEL", LINE]).await;
    }
    drain(&one).await;
    drain(&other).await;
    until(LONG, async || {
        world.run::<usize>(&["EXISTS", KEY]).await == 0
    })
    .await;
}

#[tokio::test]
async fn entries_that_are_none_are_thrown_out() {
    let world = World::start().await;
    let (one, other) = (world.client("one").await, world.client("other").await);
    for nonsense in [
        &[
            "", " ", ":", "::", "x", "200", "200:", "200::", "\r\n", "\u{0}",
        ][..],
        &["0:0:t", "-1:0:t", "1e3:0:t", "9999999999:0:t", "00200:0:t"],
        &[
            "200:99:short",
            "200:-1:t",
            "200:x:t",
            "200:9999999999999999999:t",
        ],
    ] {
        for (score, entry) in nonsense.iter().enumerate() {
            let words = ["ZADD", LINE, &score.to_string(), entry];
            let _: usize = world.run(&words).await;
        }
        let after = hand_on(&world, &one, &other).await;
        println!("{nonsense:?}: {after:?}");
        assert!(after < QUIET + SOON, "{nonsense:?}: {after:?}");
    }
    let _: usize = world.run(&["DEL", LINE]).await;
    drain(&one).await;
    drain(&other).await;
    until(LONG, async || {
        world.run::<usize>(&["EXISTS", KEY]).await == 0
    })
    .await;
}

/// What a stranger does to the line, and what is left of it.
const SPOILS: [(&[&[&str]], &str); 5] = [
    (&[&["DEL", LINE]], "none"),
    (&[&["DEL", LINE], &["SET", LINE, "no line"]], "string"),
    (&[&["DEL", LINE], &["RPUSH", LINE, "no line"]], "list"),
    (&[&["ZADD", LINE, "inf", "somebody"]], "zset"),
    (&[&["FLUSHALL"]], "none"),
];

#[tokio::test]
async fn a_line_that_is_spoiled_in_mid_wait_costs_its_order_and_no_more() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let other = world.client("other").await;
    for (spoils, left) in SPOILS {
        let held = take(&holder, NAME).await;
        let (first, _) = stand(&world, &waiter, 0).await;
        let (second, _) = stand(&world, &other, 1).await;
        for words in spoils {
            let _: redis::Value = world.run(words).await;
        }
        let freed = Instant::now();
        // After a FLUSHALL somebody holds it already.
        let released = held.release().await;
        assert_eq!(released.is_err(), spoils[0] == ["FLUSHALL"], "{released:?}");
        for waiting in [first, second] {
            // In whatever order.
            tokio::spawn(async { got(waiting).await.release().await.expect("ours") });
        }
        until(LONG, async || {
            world.run::<usize>(&["EXISTS", KEY]).await == 0
                && holder.lock(NAME).acquire().await.is_ok()
        })
        .await;
        println!("{spoils:?}: {:?}", freed.elapsed());
        assert!(
            freed.elapsed() < 2 * QUIET + SOON,
            "{spoils:?}: {:?}",
            freed.elapsed()
        );
        let kind: String = world.run(&["TYPE", LINE]).await;
        assert!(kind == left || kind == "none", "{spoils:?}: {kind}");
        let _: usize = world.run(&["DEL", LINE]).await;
    }
    for client in [&holder, &waiter, &other] {
        drain(client).await;
    }
    world.until_empty().await;
}

#[tokio::test]
async fn a_line_of_another_type_is_left_alone_and_waiting_polls() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    for spoil in [["SET", LINE, "no line"], ["RPUSH", LINE, "no line"]] {
        let _: redis::Value = world.run(&spoil).await;
        let held = take(&holder, NAME).await;
        let waiting = wait(&waiter);
        sleep(SECOND / 4).await;
        assert!(!waiting.is_finished());
        let freed = Instant::now();
        held.release().await.expect("ours");
        got(waiting).await.release().await.expect("ours");
        assert!(freed.elapsed() < SOON, "{:?}", freed.elapsed());
        let there: usize = world.run(&["EXISTS", LINE]).await;
        assert_eq!(there, 1, "it is nobody's line");
        let _: usize = world.run(&["DEL", LINE]).await;
    }
    let held = take(&holder, NAME).await;
    let _: () = world.run(&["SET", LINE, "no line"]).await;
    let asked = Instant::now();
    let late = waiter.lock(NAME).wait(SECOND / 4).acquire().await;
    late.expect_err("held");
    assert!(asked.elapsed() < SECOND / 4 + SOON);
    held.release().await.expect("ours");
    drain(&holder).await;
    drain(&waiter).await;
    let left: Vec<String> = world.run(&["KEYS", "*"]).await;
    assert_eq!(left, [LINE]);
}
