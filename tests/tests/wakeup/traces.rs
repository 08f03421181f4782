//! From the event that frees a lock to the next holder, as the server sees it.

use std::time::Duration;

use lock_runtime::LockClient;
use tests::Server;
use tokio::time::{sleep, timeout};

use crate::trace::Trace;
use crate::waiting::{Waiting, got, stand, stand_in_process, wait};
use crate::world::{Entry, KEY, LINE, NAME, SECOND, SOON, World, drain, run, take, until};

/// A head in line that has looked at the key, and is told of its next change.
async fn settled(world: &World, client: &LockClient, before: usize) -> (Waiting, Entry) {
    let trace = Trace::start(world).await;
    let (waiting, entry) = stand(world, client, before).await;
    if before == 0 {
        let looks = format!("\"GET\" \"{KEY}\"");
        trace
            .until(|line| !line.contains(" lua]") && line.contains(&looks))
            .await;
    }
    (waiting, entry)
}

fn named(trace: &mut Trace, who: &str, entry: &Entry) {
    trace.name(&entry.token, &format!("<{who}'s token>"));
    trace.name(&entry.address, &format!("<{who}'s address>"));
}

/// Gives back what was got, and sees that nothing is left.
async fn over(world: &World, clients: &[&LockClient]) {
    for client in clients {
        drain(client).await;
    }
    world.until_empty().await;
}

#[tokio::test]
async fn released_in_its_own_process_by_one_swap() {
    let world = World::start().await;
    let client = world.client("both").await;
    let held = take(&client, NAME).await;
    let mut waiting = Box::pin(client.lock(NAME).wait(20 * SECOND).acquire());
    // It stands in its client's own line.
    assert!(timeout(Duration::ZERO, &mut waiting).await.is_err());
    let mut trace = Trace::start(&world).await;
    trace.name(held.token().as_str(), "<holder's token>");
    let (released, next) = tokio::join!(held.release(), waiting);
    released.expect("ours");
    let next = next.expect("its turn");
    trace.name(next.token().as_str(), "<waiter's token>");
    trace.note("the waiter holds the lock").await;
    let steps = trace.end("Released in the same process").await;
    assert_eq!(steps.by("both"), ["swap"]);
    assert_eq!(steps.by("script")[..2], ["GET", "SET"]);
    assert!(steps.until_note(steps.0[0].at) < SOON);
    next.release().await.expect("ours");
    over(&world, &[&client]).await;
}

#[tokio::test]
async fn released_by_another_client_that_passes_it_on_and_says_so() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, NAME).await;
    let (waiting, entry) = settled(&world, &waiter, 0).await;
    let mut trace = Trace::start(&world).await;
    trace.name(held.token().as_str(), "<holder's token>");
    named(&mut trace, "waiter", &entry);
    held.release().await.expect("ours");
    let next = got(waiting).await;
    trace.note("the waiter holds the lock").await;
    let steps = trace.end("Released by another process").await;
    let held_after = steps.until_note(steps.0[0].at);
    assert!(held_after < SOON, "{held_after:?}");
    if let Some(own) = Server::compare_and_delete() {
        // The holder cannot know of the line before its own command has told.
        assert_eq!(steps.by("holder")[..2], [own, "ZCARD"]);
    } else {
        assert_eq!(steps.by("holder"), ["pass"]);
        // The news is enough.
        assert_eq!(steps.by("waiter"), [""; 0]);
        assert_eq!(steps.published("turn "), 1);
        assert_eq!(next.token().as_str(), entry.token);
    }
    next.release().await.expect("ours");
    over(&world, &[&holder, &waiter]).await;
}

#[tokio::test]
async fn deleted_by_a_stranger_the_server_says_that_the_key_changed() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, NAME).await;
    let (waiting, entry) = settled(&world, &waiter, 0).await;
    let mut stranger = world.stranger().await;
    let mut trace = Trace::start(&world).await;
    named(&mut trace, "waiter", &entry);
    let _: () = run(&mut stranger, &["DEL", KEY]).await;
    let next = got(waiting).await;
    trace.note("the waiter holds the lock").await;
    let steps = trace.end("DEL by a stranger").await;
    assert_eq!(steps.by("waiter"), ["join"]);
    assert!(steps.until_note(steps.at("stranger", "DEL")) < SOON);
    held.release().await.expect_err("lost");
    next.release().await.expect("ours");
    over(&world, &[&holder, &waiter]).await;
}

#[tokio::test]
async fn expired_a_timer_asks_when_the_key_is_gone() {
    let world = World::start().await;
    let waiter = world.client("waiter").await;
    let mut stranger = world.stranger().await;
    let ttl = Duration::from_millis(900);
    let millis = ttl.as_millis().to_string();
    let mut trace = Trace::start(&world).await;
    // As a process leaves it that was killed.
    let _: () = run(
        &mut stranger,
        &["SET", KEY, "of one who died", "PX", &millis],
    )
    .await;
    let (waiting, entry) = stand(&world, &waiter, 0).await;
    named(&mut trace, "waiter", &entry);
    let next = got(waiting).await;
    trace.note("the waiter holds the lock").await;
    let steps = trace.end("Expiry").await;
    let held_after = steps.until_note(steps.at("stranger", "SET"));
    assert!(
        held_after >= ttl && held_after < ttl + SOON,
        "{held_after:?}"
    );
    // Two questions, of which the second stands in line, the look at the key, and the one of the timer.
    assert_eq!(steps.by("waiter"), ["SET", "join", "GET", "join"]);
    next.release().await.expect("ours");
    over(&world, &[&waiter]).await;
}

#[tokio::test]
async fn a_dead_process_ahead_in_line_is_stepped_over_in_the_same_script() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, NAME).await;
    let (dead, gone) = stand_in_process(&world, "dead", 0).await;
    let (waiting, entry) = settled(&world, &waiter, 1).await;
    dead.kill();
    until(20 * SECOND, async || {
        let told: (String, usize) = world.run(&["PUBSUB", "NUMSUB", &gone.address]).await;
        told.1 == 0
    })
    .await;
    let mut trace = Trace::start(&world).await;
    trace.name(held.token().as_str(), "<holder's token>");
    named(&mut trace, "dead", &gone);
    named(&mut trace, "waiter", &entry);
    held.release().await.expect("ours");
    let next = got(waiting).await;
    trace.note("the waiter holds the lock").await;
    let steps = trace.end("A dead process ahead in line").await;
    assert!(steps.until_note(steps.0[0].at) < SOON);
    assert_eq!(steps.published("turn "), 2);
    assert_eq!(steps.by("waiter"), [""; 0]);
    assert_eq!(next.token().as_str(), entry.token);
    next.release().await.expect("ours");
    over(&world, &[&holder, &waiter]).await;
}

#[tokio::test]
async fn a_stopped_process_ahead_in_line_costs_one_claim_and_holds_nothing_when_it_goes_on() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, NAME).await;
    let (mut stopped, ahead) = stand_in_process(&world, "stopped", 0).await;
    let (waiting, entry) = settled(&world, &waiter, 1).await;
    stopped.stop();
    let mut trace = Trace::start(&world).await;
    trace.name(held.token().as_str(), "<holder's token>");
    named(&mut trace, "stopped", &ahead);
    named(&mut trace, "waiter", &entry);
    held.release().await.expect("ours");
    let next = got(waiting).await;
    let from = tests::clock();
    trace.note("the waiter holds the lock").await;
    let steps = trace.end("A stopped process ahead in line").await;
    let stood_still = steps.until_note(steps.0[0].at);
    let claim = Duration::from_millis(200);
    assert!(
        stood_still >= claim * 9 / 10 && stood_still < claim + SOON,
        "{stood_still:?}"
    );
    assert_eq!((steps.published("turn "), steps.published("next ")), (1, 1));
    assert_eq!(steps.by("waiter").last(), Some(&"join"));
    // It finds the news of its turn, which is over.
    stopped.go_on();
    sleep(Duration::from_millis(300)).await;
    assert_eq!(
        next.check().await.expect("an answer"),
        lock_runtime::Ownership::Mine
    );
    let until = tests::clock();
    next.release().await.expect("ours");
    let told = stopped.told().await;
    let moments: Vec<&str> = told.split(' ').collect();
    let since: u128 = moments[0].parse().expect("nanoseconds");
    assert!(
        since > until.as_nanos() && until > from,
        "two held it at once: {told}"
    );
    assert_eq!(moments[2], "true", "it was its own until the end");
    let left: usize = world.run(&["EXISTS", LINE]).await;
    assert_eq!(left, 0);
    over(&world, &[&holder, &waiter]).await;
}

#[tokio::test]
async fn nobody_who_waits_is_told_of_or_asks_for_a_lock_that_stays_held() {
    let world = World::start().await;
    let (holder, waiter) = (world.client("holder").await, world.client("waiter").await);
    let held = take(&holder, NAME).await;
    let (waiting, entry) = settled(&world, &waiter, 0).await;
    let tasks: Vec<_> = (0..20).map(|_| wait(&waiter)).collect();
    let mut trace = Trace::start(&world).await;
    named(&mut trace, "waiter", &entry);
    sleep(3 * SECOND).await;
    let steps = trace
        .end("A lock that stays held for 3 s, 21 tasks that wait for it")
        .await;
    // A poll every one to two seconds, and now and then a word to see that the connection lives.
    let asked = steps
        .by("waiter")
        .into_iter()
        .filter(|what| *what != "PING");
    assert!(asked.count() <= 8);
    held.release().await.expect("ours");
    drop(got(waiting).await);
    for task in tasks {
        drop(got(task).await);
    }
    over(&world, &[&holder, &waiter]).await;
}
