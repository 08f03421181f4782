//! Locks that go from one waiter of a client to the next without having been free.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use lock_runtime::testing::{Command, Fault, LockDouble};
use lock_runtime::{LockClient, LockError, LockGuard, MemoryStore, Release};
use redis::cmd;
use tests::Server;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(20);

type Waiting = JoinHandle<Result<LockGuard, LockError>>;

fn wait(client: &LockClient, ttl: Duration) -> Waiting {
    tokio::spawn(client.lock("a").ttl(ttl).wait(LONG).acquire())
}

/// A holder, and one who waits for its lock.
async fn two(double: &LockDouble) -> (LockGuard, Waiting) {
    let client = double.client();
    let held = client.lock("a").ttl(5 * SECOND).acquire().await;
    let waiting = wait(&client, 8 * SECOND);
    // So that it stands in line.
    sleep(Duration::from_micros(1)).await;
    (held.expect("free"), waiting)
}

async fn got(waiting: Waiting) -> LockGuard {
    waiting.await.expect("no panic").expect("its turn")
}

#[tokio::test(start_paused = true)]
async fn a_waiter_is_handed_the_lock_with_its_own_ttl() {
    let double = LockDouble::new();
    let (held, waiting) = two(&double).await;
    assert_eq!(held.release().await.expect("ours"), Release::HandedOver);
    let next = got(waiting).await;
    assert!(next.remaining() > 7 * SECOND, "{:?}", next.remaining());
    assert_eq!(double.count(Command::HandOver), 1);
    assert_eq!(double.count(Command::Acquire), 1, "{:?}", double.seen());
    assert_eq!(double.count(Command::Release), 0);
    assert_eq!(next.release().await.expect("ours"), Release::Deleted);
    assert_eq!((double.acquired("a"), double.released("a")), (2, 2));
}

/// Polls it once: from then on it is kept.
async fn begun<F: Future + Unpin>(future: &mut F) {
    let once = poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context).is_pending()));
    assert!(once.await, "it is under way");
}

#[tokio::test(start_paused = true)]
async fn a_releaser_that_is_kept_and_not_polled_holds_up_nobody() {
    let double = LockDouble::new();
    double.slow(Duration::from_millis(1));
    let (held, waiting) = two(&double).await;
    let mut kept = Box::pin(held.release());
    begun(&mut kept).await;
    let next = timeout(Duration::from_millis(10), got(waiting)).await;
    let next = next.expect("handed over");
    assert_eq!(kept.await.expect("ours"), Release::HandedOver);
    assert_eq!(next.release().await.expect("ours"), Release::Deleted);
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_an_heir_gets_a_lock_that_the_heir_keeps_beyond_its_ttl() {
    let double = LockDouble::new();
    let (held, waiting) = two(&double).await;
    let after = wait(&double.client(), SECOND);
    sleep(Duration::from_micros(1)).await;
    assert_eq!(held.release().await.expect("ours"), Release::HandedOver);
    let kept = got(waiting).await;
    let since = Instant::now();
    let next = got(after).await;
    assert!(since.elapsed() >= 8 * SECOND, "{:?}", since.elapsed());
    assert!(since.elapsed() <= 10 * SECOND, "{:?}", since.elapsed());
    assert!(kept.remaining().is_zero());
    assert_eq!(next.release().await.expect("ours"), Release::Deleted);
}

#[tokio::test(start_paused = true)]
async fn a_releaser_that_is_dropped_in_mid_swap_hands_over_all_the_same() {
    let double = LockDouble::new();
    double.slow(Duration::from_millis(1));
    let (held, waiting) = two(&double).await;
    let mut dropped = Box::pin(held.release());
    begun(&mut dropped).await;
    drop(dropped);
    let next = got(waiting).await;
    assert_eq!(double.count(Command::Acquire), 1, "{:?}", double.seen());
    assert_eq!(next.release().await.expect("ours"), Release::Deleted);
}

#[tokio::test(start_paused = true)]
async fn a_releaser_that_is_dropped_where_nobody_waits_gives_back_all_the_same() {
    let double = LockDouble::new();
    let client = double.client();
    let held = client.lock("a").acquire().await.expect("free");
    double.next(Command::Release, Fault::Swallow);
    let mut dropped = Box::pin(held.release());
    begun(&mut dropped).await;
    drop(dropped);
    let next = timeout(SECOND, client.lock("a").wait(LONG).acquire()).await;
    let next = next.expect("sent again by a worker").expect("free");
    assert_eq!(next.release().await.expect("ours"), Release::Deleted);
}

#[tokio::test(start_paused = true)]
async fn the_line_is_served_in_order_and_never_free_in_between() {
    let double = LockDouble::new();
    double.slow(Duration::from_millis(1));
    let client = double.client();
    let held = client.lock("a").acquire().await.expect("free");
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiters = JoinSet::new();
    for n in 0..20 {
        let (request, order) = (client.lock("a").wait(LONG), order.clone());
        waiters.spawn(async move {
            let guard = request.acquire().await.expect("in time");
            order.lock().expect("unharmed").push(n);
            guard.release().await.expect("ours")
        });
        sleep(Duration::from_micros(1)).await;
    }
    held.release().await.expect("ours");
    let codes = waiters.join_all().await;
    let order = order.lock().expect("unharmed").clone();
    assert_eq!(order, (0..20).collect::<Vec<_>>());
    let freed = codes.iter().filter(|code| **code == Release::Deleted);
    // When nobody waits any more.
    assert_eq!(freed.count(), 1, "{codes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_gave_up_is_handed_nothing() {
    for after in [Duration::ZERO, Duration::from_micros(500)] {
        let double = LockDouble::new();
        double.slow(Duration::from_millis(1));
        let (held, waiting) = two(&double).await;
        let releasing = tokio::spawn(held.release());
        sleep(after).await;
        waiting.abort();
        releasing.await.expect("no panic").expect("ours");
        double.settled().await;
        assert!(!double.is_held("a"), "{after:?}");
        assert_eq!(double.acquired("a"), double.released("a"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_swap_without_an_answer_is_sent_again_and_held() {
    for fault in [Fault::NoReply, Fault::Swallow, Fault::BreakAfter] {
        let double = LockDouble::new();
        let (held, waiting) = two(&double).await;
        double.next(Command::HandOver, fault);
        let swapped = Instant::now();
        let code = held.release().await.expect("ours");
        assert_eq!(code, Release::HandedOver, "{fault:?}");
        let next = got(waiting).await;
        // From the sending that took effect, at the latest.
        let most = (9 * SECOND).saturating_sub(swapped.elapsed());
        assert!(next.remaining() < most, "{fault:?}: {:?}", next.remaining());
        assert!(double.is_held("a"));
        next.release().await.expect("ours");
        double.settled().await;
        assert!(!double.is_held("a"), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_swap_that_never_gets_an_answer_leaves_nothing() {
    let double = LockDouble::new();
    let (held, waiting) = two(&double).await;
    double.every(Command::HandOver, Fault::Swallow);
    let error = held.release().await.expect_err("no answer");
    assert!(matches!(error, LockError::Indeterminate { .. }), "{error}");
    // The old token is deleted then, and the waiter takes the lock itself.
    let next = got(waiting).await;
    next.release().await.expect("ours");
    double.settled().await;
    assert!(!double.is_held("a"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_swap_is_a_plain_release() {
    let double = LockDouble::new();
    let (held, waiting) = two(&double).await;
    double.next(Command::HandOver, Fault::Refuse);
    assert_eq!(held.release().await.expect("ours"), Release::Deleted);
    drop(got(waiting).await);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_lost_is_not_handed_over() {
    let double = LockDouble::new();
    let (held, waiting) = two(&double).await;
    double.memory().remove("lock:a");
    let error = held.release().await.expect_err("gone");
    assert!(matches!(error, LockError::Lost { .. }), "{error}");
    drop(got(waiting).await);
    double.settled().await;
    assert!(!double.is_held("a"));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_over_before_its_news_is_extended_first() {
    let double = LockDouble::new();
    let client = double.client();
    let held = client.lock("a").acquire().await.expect("free");
    let mut waiting = Box::pin(client.lock("a").ttl(SECOND).wait(LONG).acquire());
    // It stands in line and is not polled while its lease runs out.
    assert!(timeout(Duration::ZERO, waiting.as_mut()).await.is_err());
    held.release().await.expect("ours");
    sleep(3 * SECOND).await;
    let next = waiting.await.expect("free again");
    assert!(next.remaining() > SECOND / 2);
    assert!(double.is_held("a"));
}

#[tokio::test(start_paused = true)]
async fn too_few_replicas_give_the_waiter_an_error_and_the_lock_back() {
    let settings = LockClient::builder().acks(1, SECOND);
    let double = LockDouble::with(settings).expect("sound settings");
    let (held, waiting) = two(&double).await;
    double.replicas(0);
    assert_eq!(held.release().await.expect("ours"), Release::HandedOver);
    let error = waiting.await.expect("no panic").expect_err("no replica");
    assert!(matches!(error, LockError::Backend { .. }), "{error}");
    double.settled().await;
    assert!(!double.is_held("a"));
}

/// How often a server ran a command.
async fn ran(server: &Server, command: &str) -> u64 {
    let mut connection = server.raw().await;
    let info: String = cmd("INFO")
        .arg("commandstats")
        .query_async(&mut connection)
        .await
        .expect("an answer");
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    let calls = line.and_then(|rest| rest.split(',').next());
    calls.map_or(0, |calls| calls.parse().expect("a number"))
}

#[tokio::test]
async fn local_turns_cost_the_server_little_more_than_one_command_each() {
    let server = Server::start(&[]);
    let client = LockClient::connect(&server.url()).await.expect("a server");
    let turns = 16 * 50;
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let client = client.clone();
        tasks.spawn(async move {
            let mut last = None;
            for _ in 0..50 {
                let request = client.lock("a").fenced().wait(LONG);
                let guard = request.acquire().await.expect("in time");
                let fence = guard.fencing_token();
                assert!(fence > last, "{fence:?} after {last:?}");
                last = fence;
                guard.release().await.expect("ours");
            }
        });
    }
    tasks.join_all().await;
    // A fenced lock is taken, handed over and given back by scripts alone.
    let sent = ran(&server, "evalsha").await + ran(&server, "eval").await;
    println!("{sent} commands for {turns} turns");
    assert!(sent < turns * 3 / 2, "{sent} commands for {turns} turns");
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_an_heir_that_keeps_the_lock_too_long_need_not_wait_for_seconds() {
    let double = LockDouble::new();
    let (held, waiting) = {
        let client = double.client();
        let held = client.lock("a").acquire().await.expect("free");
        (held, wait(&client, SECOND / 10))
    };
    sleep(Duration::from_micros(1)).await;
    let request = double.client().lock("a").wait(SECOND * 9 / 10);
    let after = tokio::spawn(request.acquire());
    sleep(Duration::from_micros(1)).await;
    assert_eq!(held.release().await.expect("ours"), Release::HandedOver);
    let _kept = got(waiting).await;
    let since = Instant::now();
    let next = after.await.expect("no panic");
    println!("{:?}, {:?}", since.elapsed(), double.seen());
    drop(next.expect("free since 100 ms"));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_whose_swap_is_answered_too_late_asks_no_more_often_for_that() {
    let mut most = (0, 0, 0);
    for stall in [2_010, 2_030, 2_050, 2_070] {
        for offset in 0..50 {
            let double = LockDouble::new();
            let (held, waiting) = two(&double).await;
            double.slow(Duration::from_millis(1));
            sleep(Duration::from_millis(200 + 2 * offset)).await;
            double.stall(Duration::from_millis(stall));
            let releasing = tokio::spawn(held.release());
            sleep(Duration::from_millis(stall + 1)).await;
            double.busy("a", "web-2");
            let before = double.count(Command::Acquire);
            sleep(SECOND).await;
            let asked = double.count(Command::Acquire) - before;
            most = most.max((asked, stall, offset));
            waiting.abort();
            let _ = releasing.await;
        }
    }
    println!("{most:?}");
    assert!(most.0 < 200, "{most:?}");
}

#[tokio::test(start_paused = true)]
async fn a_guard_kept_beyond_its_ttl_does_not_make_a_free_lock_look_busy() {
    let double = LockDouble::new();
    let client = double.client();
    let late = client.lock("a").ttl(SECOND).acquire().await.expect("free");
    sleep(5 * SECOND).await;
    let since = Instant::now();
    let next = client.lock("a").wait(SECOND / 25).acquire().await;
    println!(
        "{:?}, {} asked",
        since.elapsed(),
        double.count(Command::Acquire)
    );
    drop(next.unwrap_or_else(|error| panic!("{error}")));
    drop(late);
}

#[tokio::test(start_paused = true)]
async fn a_guard_kept_although_its_lock_is_lost_starves_nobody_who_waits_beside_it() {
    for (ttl, keeps) in [(SECOND, false), (SECOND, true), (600 * SECOND, true)] {
        let memory = MemoryStore::new();
        let client = || {
            let client = LockClient::builder().store(memory.clone());
            client.expect("default settings")
        };
        let own = client();
        let late = own.lock("a").ttl(ttl).acquire().await.expect("free");
        sleep(2 * SECOND).await;
        memory.remove("lock:a");
        let late = keeps.then_some(late);
        let mut others = JoinSet::new();
        for _ in 0..2 {
            let other = client();
            others.spawn(async move {
                loop {
                    let guard = other.lock("a").wait(LONG).acquire().await;
                    let guard = guard.expect("its turn");
                    sleep(Duration::from_millis(5)).await;
                    guard.release().await.expect("ours");
                }
            });
        }
        sleep(SECOND / 10).await;
        let since = Instant::now();
        let got = own.lock("a").wait(10 * SECOND).acquire().await;
        println!(
            "ttl {ttl:?}, keeps {keeps}: {:?} {}",
            since.elapsed(),
            got.is_ok()
        );
        drop(got.unwrap_or_else(|error| panic!("{error}")));
        drop(late);
        others.abort_all();
    }
}
