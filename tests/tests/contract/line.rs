use std::sync::{Arc, Mutex};
use std::time::Duration;

use lock_runtime::{LockError, LockGuard, LockRequest};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::world::{CLAIM, World};

const LONG: Duration = Duration::from_secs(20);

/// Far less than the pause between two polls of a head that is told of changes.
const SOON: Duration = Duration::from_millis(700);

type Waiting = JoinHandle<Result<LockGuard, LockError>>;

/// One who waits, and stands in line behind `before` others and before whoever comes next.
async fn stand(world: &World, request: LockRequest, before: usize) -> Waiting {
    let waiting = tokio::spawn(request.acquire());
    world.until_in_line("a", before + 1).await;
    assert!(!waiting.is_finished());
    waiting
}

async fn got(waiting: Waiting) -> LockGuard {
    waiting.await.expect("no panic").expect("its turn")
}

/// Until a lock that was passed on is extended, from its claim to its whole ttl.
async fn extended(guard: &LockGuard) {
    let asked = Instant::now();
    while guard.remaining() <= CLAIM {
        assert!(asked.elapsed() < LONG, "for a claim only");
        sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn clients_are_served_in_the_order_in_which_they_came(world: World) {
    let held = world.take("a").await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for (n, request) in [world.others("a"), world.thirds("a"), world.lock("a")]
        .into_iter()
        .enumerate()
    {
        let order = order.clone();
        let request = request.wait(LONG);
        waiting.push(tokio::spawn(async move {
            let guard = request.acquire().await.expect("its turn");
            order.lock().expect("no panic").push(n);
            extended(&guard).await;
            guard.release().await.expect("ours");
        }));
        if n < 2 {
            world.until_in_line("a", n + 1).await;
        }
    }
    // The last one waits for its own client: before it first looks by itself.
    tokio::task::yield_now().await;
    held.release().await.expect("ours");
    for waiting in waiting {
        waiting.await.expect("no panic");
    }
    let mut order = order.lock().expect("no panic").clone();
    // A waiter of the client itself comes before those of others.
    assert_eq!(order.iter().position(|n| *n == 2), Some(0), "{order:?}");
    order.remove(0);
    assert_eq!(order, [0, 1]);
    world.drain().await;
    assert_eq!(world.keys().await, 0);
}

pub(crate) async fn a_waiter_that_left_the_line_gets_nothing_and_the_next_one_does(world: World) {
    for gives_up in [false, true] {
        let held = world.take("a").await;
        let first = if gives_up {
            world.others("a").wait(Duration::from_secs(3))
        } else {
            world.others("a").wait(LONG)
        };
        let first = stand(&world, first, 0).await;
        let next = stand(&world, world.thirds("a").wait(LONG), 1).await;
        if gives_up {
            let late = first.await.expect("no panic");
            assert!(
                matches!(late, Err(LockError::WaitTimeout { .. })),
                "{late:?}"
            );
        } else {
            first.abort();
            assert!(first.await.is_err_and(|error| error.is_cancelled()));
        }
        world.until_in_line("a", 1).await;
        let freed = Instant::now();
        held.release().await.expect("ours");
        let guard = got(next).await;
        assert!(freed.elapsed() < SOON, "{:?}", freed.elapsed());
        guard.release().await.expect("ours");
    }
    world.drain().await;
    assert_eq!(world.keys().await, 0);
}

pub(crate) async fn a_strangers_removal_wakes_the_first_in_line(world: World) {
    let held = world.take("a").await;
    // Long enough in line to have looked at the key.
    let waiting = stand(&world, world.others("a").wait(LONG), 0).await;
    sleep(SOON / 2).await;
    let freed = Instant::now();
    world.delete("a").await;
    let next = got(waiting).await;
    assert!(freed.elapsed() < SOON, "{:?}", freed.elapsed());
    let lost = held.release().await;
    assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
    next.release().await.expect("ours");
    world.drain().await;
    assert_eq!(world.keys().await, 0);
}

pub(crate) async fn a_lock_that_is_passed_on_has_its_own_ttl_and_fence(world: World) {
    let held = world.take("a").await;
    let request = world.others("a").ttl(2 * LONG).wait(LONG);
    let waiting = stand(&world, request, 0).await;
    let before = held.fencing_token();
    held.release().await.expect("ours");
    let next = got(waiting).await;
    assert_eq!(next.fencing_token().is_some(), before.is_some());
    assert!(next.fencing_token() > before || before.is_none());
    extended(&next).await;
    assert!(next.remaining() > LONG, "{:?}", next.remaining());
    let busy = world.lock("a").acquire().await;
    assert!(matches!(busy, Err(LockError::Busy { .. })), "{busy:?}");
    next.release().await.expect("ours");
    world.drain().await;
    assert_eq!(world.keys().await, 0);
}
