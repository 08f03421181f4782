//! Users who may not do all that waiting in line takes: they wait by polls, and nobody notices but the
//! server.

use std::time::Duration;

use lock_runtime::LockClient;
use tests::Server;
use tokio::time::{Instant, sleep};

use crate::waiting::{got, wait};
use crate::world::{KEY, LINE, LONG, NAME, SECOND, SOON, World, connect, drain, take, until};

/// What the README tells users to grant: the least, and what waiting in line takes besides.
const README: [&str; 2] = [
    "resetchannels -@all +set +get +del +pexpire +pttl +eval +evalsha ~lock:*",
    "+zadd +zrange +zrem +zcard +publish +subscribe +hello +ping +client|tracking &lock:turn:*",
];

/// Both, and what fences take.
fn all() -> String {
    format!("{} +time", README.join(" "))
}

/// What is taken away from it.
const LESS: [&str; 14] = [
    "-publish",
    "-subscribe",
    "resetchannels",
    "-publish -client",
    "-client|tracking",
    "-subscribe -client",
    "-zadd",
    "-zrem",
    "-zrange",
    "-zcard",
    "-zadd -zrem -zrange -zcard",
    "-zadd -zrem -zrange -zcard -publish -subscribe -client",
    "-ping",
    "resetkeys ~lock:order:*",
];

/// A poll of one who is told of nothing is never later than this, and the answers of a busy machine.
const POLLED: Duration = Duration::from_millis(100);

/// One holds the lock, another waits for it and gets it; says how long after its release.
async fn hand_on(holder: &LockClient, waiter: &LockClient, fenced: bool) -> Duration {
    let held = take(holder, NAME).await;
    let request = waiter.lock(NAME).wait(LONG);
    let request = if fenced { request.fenced() } else { request };
    let waiting = tokio::spawn(request.acquire());
    // Time for questions of all kinds.
    sleep(POLLED / 2).await;
    assert!(!waiting.is_finished());
    let released = Instant::now();
    held.release().await.expect("ours");
    let next = got(waiting).await;
    let after = released.elapsed();
    next.extend().await.expect("ours");
    next.release().await.expect("ours");
    after
}

#[tokio::test]
async fn whatever_is_missing_waiting_goes_on_without_an_error() {
    let world = World::start().await;
    let readme = include_str!("../../../README.md");
    assert!(README.iter().all(|rules| readme.contains(rules)));
    let all = all();
    let whole = connect(&world.user("whole", &all).await).await;
    let another = connect(&world.user("another", &all).await).await;
    let after = hand_on(&whole, &another, false).await;
    assert!(after < SOON, "{after:?}");
    // It stood in line, and was told.
    assert!(world.ran("zadd").await > 0 && world.ran("publish").await > 0);
    for (n, less) in LESS.into_iter().enumerate() {
        // What is asked at connect, and the fences.
        let fenced = less
            .contains("order")
            .then_some("~lock:fence:* ~lock:connect");
        let rules = format!("{all} {less} {}", fenced.unwrap_or_default());
        let users = [format!("one-{n}"), format!("two-{n}")];
        let one = connect(&world.user(&users[0], &rules).await).await;
        let two = connect(&world.user(&users[1], &rules).await).await;
        for (holder, waiter, fenced) in [
            (&one, &two, false),
            (&one, &two, true),
            // One who may do everything does not count on the others.
            (&whole, &one, false),
            (&two, &whole, false),
        ] {
            let after = hand_on(holder, waiter, fenced).await;
            println!("{less}: {after:?}");
            // At worst the poll of one who thinks that it is told.
            assert!(after < 2 * SECOND + SOON, "{less}: {after:?}");
        }
        drain(&one).await;
        drain(&two).await;
        assert_eq!(
            world.run::<usize>(&["EXISTS", KEY, LINE]).await,
            0,
            "{less}"
        );
    }
    drain(&whole).await;
}

#[tokio::test]
async fn who_is_told_of_nothing_polls_often() {
    let world = World::start().await;
    let rules = format!(
        "{} -zadd -zrem -zrange -zcard -publish -subscribe -client",
        all()
    );
    let one = connect(&world.user("one", &rules).await).await;
    let two = connect(&world.user("two", &rules).await).await;
    let mut longest = Duration::ZERO;
    for _ in 0..5 {
        longest = longest.max(hand_on(&one, &two, false).await);
    }
    assert!(longest < POLLED + SOON / 2, "{longest:?}");
    assert_eq!(world.ran("zadd").await + world.ran("subscribe").await, 0);
}

#[tokio::test]
async fn a_permission_that_is_granted_later_is_used_after_a_reconnect() {
    let world = World::start().await;
    let rules = format!("{} -zadd -subscribe", all());
    let url = world.user("waiter", &rules).await;
    let waiter = connect(&url).await;
    let holder = world.client("holder").await;
    hand_on(&holder, &waiter, false).await;
    let granted = ["ACL", "SETUSER", "waiter", "+zadd", "+subscribe"];
    let _: () = world.run(&granted).await;
    let _: usize = world.run(&["CLIENT", "KILL", "USER", "waiter"]).await;
    // A refused connection for news is tried again every few seconds.
    let held = take(&holder, NAME).await;
    let waiting = wait(&waiter);
    until(LONG, async || {
        let line = world.line().await;
        line.first().is_some_and(|entry| !entry.address.is_empty())
    })
    .await;
    let released = Instant::now();
    held.release().await.expect("ours");
    let next = got(waiting).await;
    assert!(released.elapsed() < SOON, "{:?}", released.elapsed());
    next.release().await.expect("ours");
    drain(&waiter).await;
    drain(&holder).await;
    world.until_empty().await;
}

#[tokio::test]
async fn commands_of_the_servers_own_that_are_denied_in_mid_wait_keep_nobody_waiting() {
    let Some(own) = Server::compare_and_delete_or_skip() else {
        return;
    };
    let world = World::start().await;
    let rules = format!("{} +{own}", all());
    let one = connect(&world.user("one", &rules).await).await;
    let two = connect(&world.user("two", &rules).await).await;
    for denied in [false, true, false] {
        let rule = format!("{}{own}", if denied { '-' } else { '+' });
        let held = take(&one, NAME).await;
        let waiting = wait(&two);
        world.until_in_line(1).await;
        for user in ["one", "two"] {
            let _: () = world.run(&["ACL", "SETUSER", user, &rule]).await;
        }
        let released = Instant::now();
        held.release().await.expect("ours");
        let next = got(waiting).await;
        assert!(released.elapsed() < SOON, "{:?}", released.elapsed());
        next.release().await.expect("ours");
    }
    drain(&one).await;
    drain(&two).await;
    world.until_empty().await;
}
