use std::time::Duration;

use lock_runtime::testing::{Command, Fault, LockDouble};
use lock_runtime::{LockClient, LockError, Ownership};
use tokio::time::{Instant, sleep};

use crate::{SECOND, found, order, renewed};

#[tokio::test(start_paused = true)]
async fn a_server_that_forgets_everything_loses_the_renewed_lock() {
    let double = LockDouble::new();
    let client = double.client();
    let call = client.scope(renewed(1, 10 * SECOND));
    let restart = async {
        sleep(SECOND * 3 / 2).await;
        double.down();
        double.forget();
        double.up();
    };
    let (lost, ()) = tokio::join!(call, restart);
    assert_eq!(found(lost), Ownership::Free);
    assert_eq!(double.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_fails_calls_and_leaves_running_bodies_alone() {
    let double = LockDouble::new();
    let client = double.client();
    let call = tokio::spawn(client.scope(order(1, 5 * SECOND)));
    double.until_held("order:1").await;
    double.down();
    let refused = client.scope(order(2, SECOND)).await;
    assert!(
        matches!(refused, Err(LockError::Backend { .. })),
        "{refused:?}"
    );
    // Its release finds nobody: the body had ended in time.
    assert_eq!(call.await.expect("no panic").ok(), Some(1));
    assert_eq!(double.left(), ["order:1"]);
    double.up();
    double.settled().await;
    assert!(double.left().is_empty());
    assert_eq!(client.scope(order(2, SECOND)).await.ok(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn what_a_server_was_told_dies_with_it() {
    let double = LockDouble::new();
    let client = double.client();
    double.stall(SECOND);
    tokio::select! {
        biased;
        _ = client.lock("a").acquire() => panic!("it stands still"),
        () = sleep(SECOND / 10) => double.down(),
    }
    double.up();
    sleep(SECOND).await;
    assert_eq!(double.acquired("a"), 0);
    // The same without going down: it is done, and given back behind it.
    double.stall(SECOND);
    tokio::select! {
        biased;
        _ = client.lock("a").acquire() => panic!("it stands still"),
        () = sleep(SECOND / 10) => {}
    }
    double.settled().await;
    assert_eq!((double.acquired("a"), double.released("a")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_delays_and_one_that_is_too_slow_is_indeterminate() {
    let double = LockDouble::new();
    let client = double.client();
    double.slow(SECOND / 10);
    let began = Instant::now();
    assert_eq!(client.scope(order(1, SECOND)).await.ok(), Some(1));
    assert_eq!(began.elapsed(), SECOND + 2 * SECOND / 10);
    double.slow(SECOND);
    let unknown = client.scope(order(1, SECOND)).await;
    assert!(
        matches!(unknown, Err(LockError::Indeterminate { .. })),
        "{unknown:?}"
    );
    double.settled().await;
    assert!(double.left().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_fault_meets_the_commands_that_it_is_meant_for() {
    let double = LockDouble::new();
    let client = double.client();
    double.every(Command::Acquire.of("order:2"), Fault::Refuse);
    double.next(Command::Acquire, Fault::NotNow);
    double.next(Command::Acquire, Fault::BreakAfter);
    double.next(Command::Release.of("order:1"), Fault::Unreachable);
    assert_eq!(client.scope(order(1, SECOND)).await.ok(), Some(1));
    let seen: Vec<_> = double
        .seen()
        .into_iter()
        .map(|seen| (seen.command, seen.fault))
        .collect();
    let expected = [
        (Command::Acquire, Fault::NotNow),
        (Command::Acquire, Fault::BreakAfter),
        (Command::Inspect, Fault::None),
        (Command::Release, Fault::Unreachable),
        (Command::Release, Fault::None),
    ];
    assert_eq!(seen, expected);
    assert_eq!(double.count(Command::Acquire.of("order:1")), 2);
    assert_eq!(double.acquired("order:1"), 1);
    for _ in 0..3 {
        let refused = client.scope(order(2, SECOND)).await;
        assert!(
            matches!(refused, Err(LockError::Backend { .. })),
            "{refused:?}"
        );
    }
    double.up();
    assert_eq!(client.scope(order(2, SECOND)).await.ok(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_behind_a_held_up_command_arrives_behind_it() {
    let double = LockDouble::new();
    let client = double.client();
    for round in 0..50 {
        double.slow(SECOND / 10);
        // Cancelled at once: it arrives all the same, and its release would arrive before it.
        tokio::select! {
            biased;
            _ = client.lock(format!("a{round}")).acquire() => panic!("it takes a while"),
            () = std::future::ready(()) => {}
        }
        double.slow(Duration::ZERO);
    }
    sleep(SECOND).await;
    assert!(double.left().is_empty());
    assert_eq!(double.count(Command::Release), 50);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_and_a_dropped_guard_are_settled() {
    let double = LockDouble::new();
    let client = double.client();
    let call = tokio::spawn(client.scope(order(1, 5 * SECOND)));
    double.until_held("order:1").await;
    call.abort();
    drop(client.lock("b").acquire().await.expect("free"));
    double.settled().await;
    assert!(double.left().is_empty());
    assert_eq!((double.released("order:1"), double.released("b")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_at_a_shutdown_begins_nothing_and_leaves_nothing() {
    for (wait, min_hold) in [(0, 0), (0, 5), (9, 0), (9, 5)] {
        let double = LockDouble::new();
        let client = double.client();
        double.slow(SECOND / 10);
        let request = client.lock("a").wait(wait * SECOND);
        let call = tokio::spawn(request.min_hold(min_hold * SECOND).acquire());
        sleep(SECOND / 20).await;
        assert!(client.shutdown(SECOND).await.is_empty());
        let refused = call.await.expect("no panic");
        assert!(
            matches!(refused, Err(LockError::ShutDown { .. })),
            "{refused:?}"
        );
        assert_eq!((double.acquired("a"), double.released("a")), (1, 1));
        assert!(double.left().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_shut_down_says_so_whoever_holds_the_lock_and_asks_no_more() {
    let double = LockDouble::new();
    let client = double.client();
    let held = client.lock("a").acquire().await.expect("free");
    double.every(Command::Acquire.of("b"), Fault::NotNow);
    let asks = tokio::spawn(client.lock("b").acquire());
    sleep(SECOND / 20).await;
    let rest = client.shutdown(SECOND / 2).await;
    assert_eq!((rest.running, rest.releasing), (1, 0));
    let asked = double.count(Command::Acquire);
    for refused in [
        asks.await.expect("no panic"),
        client.lock("a").acquire().await,
        client.lock("a").wait(SECOND).acquire().await,
    ] {
        assert!(
            matches!(refused, Err(LockError::ShutDown { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(double.count(Command::Acquire), asked);
    held.release().await.expect("still its own");
}

#[tokio::test(start_paused = true)]
async fn too_few_replicas_refuse_a_call_and_let_a_renewed_lock_run_out() {
    let settings = LockClient::builder().acks(2, SECOND / 10);
    let double = LockDouble::with(settings).expect("in range");
    let client = double.client();
    let began = Instant::now();
    let call = tokio::spawn(client.scope(renewed(1, 30 * SECOND)));
    sleep(4 * SECOND + SECOND / 2).await;
    assert!(double.is_held("order:1"));
    double.replicas(1);
    let refused = client.scope(order(2, SECOND)).await;
    let refused = refused.expect_err("too few").to_string();
    assert!(refused.contains("1 of 2 replicas"), "{refused}");
    // Extended at 4 s for the last time.
    let lost = call.await.expect("no panic");
    assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
    let lasted = began.elapsed();
    assert!(lasted > 6 * SECOND && lasted < 7 * SECOND, "{lasted:?}");
    double.up();
    assert_eq!(client.scope(order(2, SECOND)).await.ok(), Some(2));
    double.settled().await;
    assert!(double.left().is_empty());
}
