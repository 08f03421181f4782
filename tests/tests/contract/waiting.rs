use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lock_runtime::{LockError, Release};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::world::{World, is_busy};

const LONG: Duration = Duration::from_secs(20);

pub(crate) async fn a_waiter_gets_the_lock_when_it_is_released(world: World) {
    let guard = world.take("a").await;
    let waiter = tokio::spawn(world.others("a").wait(LONG).acquire());
    sleep(Duration::from_millis(50)).await;
    assert!(!waiter.is_finished());
    guard.release().await.expect("ours");
    let guard = waiter.await.expect("no panic").expect("freed");
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
}

pub(crate) async fn a_waiter_gets_the_lock_when_it_expires(world: World) {
    let ttl = Duration::from_millis(200);
    let taken = Instant::now();
    let guard = world.lock("a").ttl(ttl).acquire().await.expect("free");
    // As a killed process leaves it: nothing releases it, the ttl must.
    std::mem::forget(guard);
    let next = world.others("a").wait(LONG).acquire().await;
    drop(next.expect("expired"));
    assert!(
        taken.elapsed() + Duration::from_millis(1) >= ttl,
        "{:?}",
        taken.elapsed()
    );
    assert!(
        taken.elapsed() < ttl + Duration::from_secs(3),
        "{:?}",
        taken.elapsed()
    );
}

pub(crate) async fn a_wait_ends_in_time(world: World) {
    let _held = world
        .lock("a")
        .name("holder")
        .acquire()
        .await
        .expect("free");
    let wait = Duration::from_millis(150);
    let asked = Instant::now();
    let error = world
        .other
        .lock("a")
        .wait(wait)
        .acquire()
        .await
        .expect_err("held");
    assert!(
        matches!(
            &error,
            LockError::WaitTimeout {
                holder: Some(_),
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("holder"), "{error}");
    assert!(asked.elapsed() >= wait && asked.elapsed() < wait + Duration::from_secs(3));
}

pub(crate) async fn local_waiters_are_served_in_order(world: World) {
    let held = world.take("a").await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiters = JoinSet::new();
    for n in 0..10 {
        let (request, order) = (world.lock("a").wait(LONG), order.clone());
        waiters.spawn(async move {
            let guard = request.acquire().await.expect("in time");
            order.lock().expect("no panic").push(n);
            guard.release().await.expect("ours");
        });
        // Each stands in line before the next one comes.
        sleep(Duration::from_millis(5)).await;
    }
    held.release().await.expect("ours");
    waiters.join_all().await;
    assert_eq!(
        *order.lock().expect("no panic"),
        (0..10).collect::<Vec<_>>()
    );
}

pub(crate) async fn nobody_overtakes_the_line(world: World) {
    let held = world
        .other
        .lock("a")
        .name("first")
        .acquire()
        .await
        .expect("free");
    let waiter = tokio::spawn(world.lock("a").wait(LONG).acquire());
    sleep(Duration::from_millis(30)).await;
    let error = world.lock("a").acquire().await.expect_err("others wait");
    assert!(
        error.to_string().contains("first"),
        "names the holder last seen: {error}"
    );
    held.release().await.expect("ours");
    // Whether or not the waiter has seen that it is free: it comes first.
    let overtaken = world.lock("a").acquire().await;
    assert!(is_busy(&overtaken));
    drop(waiter.await.expect("no panic").expect("its turn"));
}

pub(crate) async fn a_cancelled_head_makes_room(world: World) {
    let held = world.others("a").acquire().await.expect("free");
    let first = tokio::spawn(world.lock("a").wait(LONG).acquire());
    sleep(Duration::from_millis(20)).await;
    let next = tokio::spawn(world.lock("a").wait(LONG).acquire());
    sleep(Duration::from_millis(20)).await;
    first.abort();
    assert!(first.await.is_err_and(|error| error.is_cancelled()));
    held.release().await.expect("ours");
    let guard = next.await.expect("no panic").expect("its turn");
    guard.release().await.expect("ours");
    world.drain().await;
    assert_eq!(world.keys().await, 0);
}

pub(crate) async fn a_queued_waiter_gives_up_by_its_own_clock(world: World) {
    let _held = world
        .other
        .lock("a")
        .name("first")
        .acquire()
        .await
        .expect("free");
    let head = tokio::spawn(world.lock("a").wait(LONG).acquire());
    sleep(Duration::from_millis(50)).await;
    let asked = Instant::now();
    let wait = Duration::from_millis(100);
    let error = world
        .lock("a")
        .wait(wait)
        .acquire()
        .await
        .expect_err("queued");
    assert!(matches!(error, LockError::WaitTimeout { .. }), "{error}");
    assert!(error.to_string().contains("first"), "{error}");
    assert!(asked.elapsed() >= wait && asked.elapsed() < LONG / 2);
    head.abort();
}

pub(crate) async fn each_waiter_brings_its_own_options(world: World) {
    let held = world.others("a").acquire().await.expect("free");
    let (short, long) = (Duration::from_secs(5), Duration::from_mins(5));
    let first = tokio::spawn(world.lock("a").ttl(short).wait(LONG).acquire());
    sleep(Duration::from_millis(20)).await;
    let second = tokio::spawn(world.lock("a").ttl(long).wait(LONG).acquire());
    held.release().await.expect("ours");
    let first = first.await.expect("no panic").expect("its turn");
    assert!(first.remaining() <= short);
    let token = first.token().clone();
    first.release().await.expect("ours");
    let second = second.await.expect("no panic").expect("its turn");
    assert!(second.remaining() > short);
    assert_ne!(*second.token(), token);
}

pub(crate) async fn shutdown_wakes_waiters(world: World) {
    let _held = world.others("a").acquire().await.expect("free");
    let waiters: Vec<_> = (0..3)
        .map(|_| tokio::spawn(world.lock("a").wait(LONG).acquire()))
        .collect();
    sleep(Duration::from_millis(30)).await;
    let asked = Instant::now();
    let rest = world.client.shutdown(LONG).await;
    assert!(rest.is_empty(), "{rest:?}");
    for waiter in waiters {
        let refused = waiter.await.expect("no panic");
        assert!(matches!(refused, Err(LockError::ShutDown { .. })));
    }
    assert!(asked.elapsed() < LONG / 2);
}

pub(crate) async fn two_clients_share_one_counter(world: World) {
    let (counter, inside) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    for n in 0..100 {
        let client = if n % 2 == 0 {
            &world.client
        } else {
            &world.other
        };
        let request = client.lock("counter").wait(LONG);
        let (counter, inside) = (counter.clone(), inside.clone());
        tasks.spawn(async move {
            let guard = request.acquire().await.expect("in time");
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two inside");
            let read = counter.load(Ordering::SeqCst);
            sleep(Duration::from_millis(1)).await;
            counter.store(read + 1, Ordering::SeqCst);
            inside.fetch_sub(1, Ordering::SeqCst);
            guard.release().await.expect("ours");
        });
    }
    tasks.join_all().await;
    assert_eq!(counter.load(Ordering::SeqCst), 100);
}
