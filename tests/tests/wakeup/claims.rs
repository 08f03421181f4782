//! A lock that was passed on lasts for a claim, until its holder has asked for more.

use std::time::Duration;

use lock_runtime::Ownership;
use tokio::time::{Instant, sleep};

use crate::trace::Trace;
use crate::waiting::{got, stand};
use crate::world::{KEY, LONG, NAME, SECOND, World, drain, settings, take, until};

const CLAIM: Duration = Duration::from_millis(200);

#[tokio::test]
async fn it_is_extended_to_its_whole_ttl_while_the_body_runs() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, NAME).await;
    let request = waiter.lock(NAME).ttl(8 * SECOND).wait(LONG);
    let waiting = tokio::spawn(request.acquire());
    world.until_in_line(1).await;
    // So that what counts from then is worth nothing any more.
    sleep(CLAIM / 2).await;
    let released = Instant::now();
    held.release().await.expect("ours");
    let next = got(waiting).await;
    until(LONG, async || {
        world.run::<i64>(&["PTTL", KEY]).await > 5_000
    })
    .await;
    assert!(released.elapsed() < SECOND, "{:?}", released.elapsed());
    until(LONG, async || next.remaining() > 5 * SECOND).await;
    // Long after the claim.
    sleep(2 * CLAIM).await;
    assert_eq!(next.check().await.expect("an answer"), Ownership::Mine);
    next.release().await.expect("ours");
    drain(&holder).await;
    drain(&waiter).await;
    world.until_empty().await;
}

#[tokio::test]
async fn a_body_that_is_over_in_a_third_of_it_asks_for_no_more() {
    let world = World::start().await;
    let holder = world.client("holder").await;
    // A third of it is long, for a machine that may stand still in between.
    let claim = 5 * SECOND;
    let waiter = settings().claim(claim);
    let waiter = waiter.connect(&world.member("waiter").await).await;
    let waiter = waiter.expect("the server answers");
    let mut passed = 0;
    for _ in 0..10 {
        let held = take(&holder, NAME).await;
        // The claim counts from when it stood in line, at the earliest.
        let asked = Instant::now();
        let (waiting, _) = stand(&world, &waiter, 0).await;
        let trace = Trace::start(&world).await;
        held.release().await.expect("ours");
        let next = got(waiting).await;
        next.release().await.expect("ours");
        let quick = asked.elapsed() < claim / 4;
        let steps = trace.end("A short body of a lock that was passed on").await;
        if quick {
            let extended = steps
                .by("waiter")
                .into_iter()
                .filter(|what| *what == "extend");
            assert_eq!(extended.count(), 0);
            passed += 1;
        }
    }
    assert!(passed > 0, "the machine is too slow to tell");
    drain(&holder).await;
    drain(&waiter).await;
    world.until_empty().await;
}

#[tokio::test]
async fn what_is_nearly_over_is_extended_before_it_is_held() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let mut long = 0;
    for _ in 0..10 {
        let held = take(&holder, NAME).await;
        let (waiting, _) = stand(&world, &waiter, 0).await;
        sleep(CLAIM * 9 / 10).await;
        held.release().await.expect("ours");
        let next = got(waiting).await;
        // A machine that was busy in between shows less.
        long += u32::from(next.remaining() > CLAIM / 5);
        next.release().await.expect("ours");
    }
    assert!(long >= 7, "{long} of 10 could be relied on");
    drain(&holder).await;
    drain(&waiter).await;
    world.until_empty().await;
}
