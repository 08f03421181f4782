use std::time::Duration;

use lock_runtime::{LockError, LockGuard, Ownership, Release};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::world::World;

const LONG: Duration = Duration::from_secs(20);

type Waiting = JoinHandle<Result<LockGuard, LockError>>;

/// A holder, and one of the same client who waits.
async fn two(world: &World) -> (LockGuard, Waiting) {
    let held = world.take("a").await;
    let request = world.lock("a").ttl(2 * LONG).wait(LONG);
    let waiting = tokio::spawn(request.acquire());
    sleep(Duration::from_millis(20)).await;
    (held, waiting)
}

pub(crate) async fn a_waiter_of_the_same_client_is_handed_the_lock(world: World) {
    let (held, waiting) = two(&world).await;
    let fence = held.fencing_token();
    // Whoever asks in between finds it busy: it is never free.
    assert_eq!(held.release().await.expect("ours"), Release::HandedOver);
    let busy = world.others("a").acquire().await;
    assert!(matches!(busy, Err(LockError::Busy { .. })), "{busy:?}");
    let next = waiting.await.expect("no panic").expect("its turn");
    assert!(next.fencing_token() > fence || fence.is_none());
    assert!(next.remaining() > LONG, "its own ttl");
    assert_eq!(next.check().await.expect("an answer"), Ownership::Mine);
    assert_eq!(next.release().await.expect("ours"), Release::Deleted);
    world.drain().await;
    assert_eq!(world.keys().await, 0);
}

pub(crate) async fn a_stolen_lock_is_handed_to_nobody(world: World) {
    for list in [false, true] {
        let (held, waiting) = two(&world).await;
        // In one step: a key that is free for a moment is the waiter's.
        if list {
            world.put_list("a").await;
        } else {
            world.put("a", "a stranger's").await;
        }
        let lost = held.release().await;
        assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
        sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished());
        assert_eq!(world.keys().await, 1);
        // The waiter goes on, as any other.
        world.delete("a").await;
        let next = timeout(LONG, waiting).await.expect("in time");
        drop(next.expect("no panic").expect("free"));
    }
}

pub(crate) async fn a_waiter_that_left_is_handed_nothing(world: World) {
    for _ in 0..20 {
        let (held, waiting) = two(&world).await;
        let releasing = tokio::spawn(held.release());
        tokio::task::yield_now().await;
        waiting.abort();
        releasing.await.expect("no panic").expect("ours");
        drop(waiting.await);
        let next = world.others("a").wait(LONG).acquire().await;
        next.expect("given back").release().await.expect("ours");
    }
    world.drain().await;
    assert_eq!(world.keys().await, 0);
}
