//! The test double does what its user tells it to, at the moment it was told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lock_runtime::testing::{Command, Fault, LockDouble};
use lock_runtime::{Holder, LockClient, LockError, Ownership, distributed_lock};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn order(id: u32, length: Duration) -> Result<u32, LockError> {
    sleep(length).await;
    Ok(id)
}

#[distributed_lock(key = "order:<id>", ttl = 10, on_lost = "finish")]
async fn finished(id: u32, length: Duration) -> Result<u32, LockError> {
    sleep(length).await;
    Ok(id)
}

#[distributed_lock(key = "order:<id>", ttl = 3, renew)]
async fn renewed(id: u32, length: Duration) -> Result<u32, LockError> {
    sleep(length).await;
    Ok(id)
}

#[distributed_lock(key = "order:<id>", ttl = 10, wait = 30)]
async fn patient(id: u32) -> Result<Instant, LockError> {
    Ok(Instant::now())
}

fn found(result: Result<u32, LockError>) -> Ownership {
    match result {
        Err(LockError::Lost { found, .. }) => found.expect("an answer"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_lost_after_so_long_and_the_next_is_kept() {
    let double = LockDouble::new();
    double.lose_after("order:1", 3 * SECOND);
    // It counts from the moment when the lock is taken.
    sleep(7 * SECOND).await;
    let began = Instant::now();
    let lost = double.client().scope(order(1, 5 * SECOND)).await;
    assert_eq!(found(lost), Ownership::Free);
    assert_eq!(began.elapsed(), 3 * SECOND);
    let kept = double.client().scope(order(1, 5 * SECOND)).await;
    assert_eq!(kept.ok(), Some(1));
    double.lose_after("order:1", 3 * SECOND);
    let other = double.client().scope(order(2, 5 * SECOND)).await;
    assert_eq!(other.ok(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_held_lock_is_lost_so_long_from_now() {
    let double = LockDouble::new();
    let guard = double.client().lock("a").acquire().await.expect("free");
    sleep(SECOND).await;
    double.lose_after("a", 2 * SECOND);
    let began = Instant::now();
    guard.lost().await;
    assert_eq!(began.elapsed(), 2 * SECOND);
    assert!(!double.is_held("a"));
    // The next is not concerned.
    drop(guard);
    let guard = double.client().lock("a").acquire().await.expect("free");
    sleep(5 * SECOND).await;
    assert!(double.is_held("a"));
    guard.release().await.expect("ours");
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_lost_in_the_middle_and_its_thief_is_named() {
    let double = LockDouble::new();
    let client = double.client();
    for robbed in [false, true] {
        let call = tokio::spawn(client.scope(order(1, 5 * SECOND)));
        double.until_held("order:1").await;
        sleep(SECOND).await;
        if robbed {
            double.busy("order:1", "web-2");
        }
        double.lose("order:1");
        let found = found(call.await.expect("no panic"));
        match found {
            Ownership::Free => assert!(!robbed),
            Ownership::Other(Holder::Owner(owner)) => assert_eq!(owner.host, "web-2"),
            other => panic!("{other:?}"),
        }
        assert_eq!(double.holder("order:1").is_some(), robbed);
        assert!(double.left().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_to_finish_runs_on_and_its_lock_is_lost() {
    let double = LockDouble::new();
    double.lose_after("order:1", SECOND);
    let began = Instant::now();
    let lost = double.client().scope(finished(1, 5 * SECOND)).await;
    assert_eq!(found(lost), Ownership::Free);
    assert_eq!(began.elapsed(), 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_lost_at_once_begins_nothing() {
    #[distributed_lock(key = "order:<id>", ttl = 10, on_lost = "finish")]
    async fn begun(id: u32, begun: Arc<AtomicBool>) -> Result<u32, LockError> {
        begun.store(true, Ordering::Relaxed);
        Ok(id)
    }
    let double = LockDouble::new();
    double.lose_after("order:1", Duration::ZERO);
    let flag = Arc::new(AtomicBool::new(false));
    let lost = double.client().scope(begun(1, flag.clone())).await;
    assert_eq!(found(lost), Ownership::Free);
    assert!(!flag.load(Ordering::Relaxed));
    assert_eq!(double.acquired("order:1"), 1);
    assert_eq!(double.released("order:1"), 0);
}

#[test]
#[should_panic(expected = "the double's client does not hold `order:1`")]
fn nothing_can_be_lost_that_is_not_held() {
    LockDouble::new().lose("order:1");
}

#[tokio::test(start_paused = true)]
async fn a_busy_lock_names_its_host_and_is_free_when_its_time_is_over() {
    let double = LockDouble::new();
    double.busy_for("order:1", "web 2", 4 * SECOND);
    let busy = double.client().scope(order(1, SECOND)).await;
    let busy = busy.expect_err("another's");
    assert!(
        busy.is_busy() && busy.to_string().contains("web%202"),
        "{busy}"
    );
    let began = Instant::now();
    let got = double.client().scope(patient(1)).await.expect("in time");
    let waited = got - began;
    assert!(waited >= 4 * SECOND, "{waited:?}");
    assert!(
        waited <= 4 * SECOND + Duration::from_millis(101),
        "{waited:?}"
    );
    double.busy("order:1", "web-2");
    let timed_out = double.client().scope(patient(1)).await;
    assert!(
        matches!(timed_out, Err(LockError::WaitTimeout { .. })),
        "{timed_out:?}"
    );
    double.free("order:1");
    double.client().scope(patient(1)).await.expect("free");
}

#[tokio::test(start_paused = true)]
async fn a_stolen_lock_is_noticed_by_its_renewal_or_its_release() {
    let double = LockDouble::new();
    for by_renewal in [true, false] {
        let began = Instant::now();
        let client = double.client();
        let call = async {
            if by_renewal {
                client.scope(renewed(1, 5 * SECOND)).await
            } else {
                client.scope(order(1, 5 * SECOND)).await
            }
        };
        let theft = async {
            double.until_held("order:1").await;
            sleep(SECOND / 2).await;
            double.busy("order:1", "web-2");
        };
        let (lost, ()) = tokio::join!(call, theft);
        assert!(matches!(found(lost), Ownership::Other(_)));
        let noticed = if by_renewal { SECOND } else { 5 * SECOND };
        assert_eq!(began.elapsed(), noticed);
        double.free("order:1");
    }
}

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
async fn a_client_with_settings_of_its_own_is_named_without_its_prefix() {
    let settings = LockClient::builder()
        .prefix("shop:")
        .command_deadline(4 * SECOND);
    let double = LockDouble::with(settings).expect("in range");
    double.lose_after("order:1", SECOND);
    let lost = double.client().scope(order(1, 5 * SECOND)).await;
    assert!(lost.expect_err("lost").to_string().contains("shop:order:1"));
    assert_eq!(double.acquired("order:1"), 1);
    double.busy("order:1", "web-2");
    assert_eq!(double.memory().keys(), ["shop:order:1"]);
    // A quarter of its command deadline for a single answer.
    double.next(Command::Acquire, Fault::Swallow);
    let began = Instant::now();
    drop(double.client().lock("b").acquire().await.expect("free"));
    assert!(began.elapsed() >= SECOND, "{:?}", began.elapsed());
    let refused = LockDouble::with(LockClient::builder().prefix("{"));
    assert!(matches!(refused, Err(LockError::InvalidOptions { .. })));
}

#[tokio::test(start_paused = true)]
async fn another_client_of_the_double_competes_and_is_not_concerned_by_losses() {
    let double = LockDouble::new();
    let other = LockClient::builder()
        .store(double.clone())
        .expect("defaults");
    let guard = other.lock("a").acquire().await.expect("free");
    assert!(!double.is_held("a"));
    double.lose_after("a", Duration::ZERO);
    let busy = double.client().lock("a").acquire().await;
    assert!(matches!(busy, Err(LockError::Busy { .. })), "{busy:?}");
    assert_eq!(guard.check().await.ok(), Some(Ownership::Mine));
    assert_eq!(double.left(), ["a"]);
    guard.release().await.expect("ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_is_lost_from_another_thread() {
    let double = LockDouble::new();
    for id in 0..20 {
        let call = tokio::spawn(double.client().scope(order(id, 8 * SECOND)));
        let key = format!("order:{id}");
        double.until_held(&key).await;
        let thief = double.clone();
        let theft = std::thread::spawn(move || thief.lose(&key));
        let asked = Instant::now();
        assert_eq!(found(call.await.expect("no panic")), Ownership::Free);
        assert!(asked.elapsed() < 5 * SECOND, "{:?}", asked.elapsed());
        theft.join().expect("it was held");
    }
    assert!(double.left().is_empty());
}
