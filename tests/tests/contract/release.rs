use std::time::Duration;

use lock_runtime::{Holder, LockError, Ownership};

use crate::world::{World, is_busy, poll_once};

pub(crate) async fn release_frees(world: World) {
    world.take("a").await.release().await.expect("ours");
    assert_eq!(world.keys().await, 0);
    world
        .other
        .lock("a")
        .acquire()
        .await
        .expect("free")
        .release()
        .await
        .expect("ours");
}

pub(crate) async fn drop_frees(world: World) {
    drop(world.take("a").await);
    world.drain().await;
    assert_eq!(world.keys().await, 0);
}

pub(crate) async fn drop_outside_a_runtime_frees(world: World) {
    let guard = world.take("a").await;
    std::thread::spawn(move || drop(guard))
        .join()
        .expect("no panic");
    world.drain().await;
    assert_eq!(world.keys().await, 0);
}

pub(crate) async fn a_stolen_key_is_left_alone(world: World) {
    let guard = world.take("a").await;
    world.put("a", "thief").await;
    let error = guard.release().await.expect_err("stolen");
    let LockError::Lost {
        found: Some(Ownership::Other(Holder::Foreign(thief))),
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(thief, "thief");
    assert_eq!(world.keys().await, 1);
}

pub(crate) async fn a_deleted_key_is_lost(world: World) {
    let guard = world.take("a").await;
    world.delete("a").await;
    let error = guard.release().await.expect_err("deleted");
    assert!(
        matches!(
            &error,
            LockError::Lost {
                found: Some(Ownership::Free),
                ..
            }
        ),
        "{error}"
    );
}

pub(crate) async fn drop_and_retry_is_never_busy(world: World) {
    for _ in 0..200 {
        drop(world.take("a").await);
    }
}

pub(crate) async fn cancel_and_retry_is_never_busy(world: World) {
    for _ in 0..200 {
        poll_once(world.lock("a").acquire()).await;
        drop(world.take("a").await);
    }
}

pub(crate) async fn shutdown_drains_and_refuses(world: World) {
    let guard = world.take("a").await;
    drop(guard);
    let rest = world.client.shutdown(Duration::from_secs(5)).await;
    assert!(rest.is_empty(), "{rest:?}");
    assert_eq!(world.keys().await, 0);
    let refused = world.lock("a").acquire().await;
    assert!(matches!(refused, Err(LockError::ShutDown { .. })));
    let refused = world.lock("a").wait(Duration::from_secs(1)).acquire().await;
    assert!(matches!(refused, Err(LockError::ShutDown { .. })));
}

pub(crate) async fn shutdown_tells_what_remains(world: World) {
    let guard = world.take("a").await;
    let rest = world.client.shutdown(Duration::from_millis(20)).await;
    assert_eq!((rest.running, rest.releasing), (1, 0));
    assert!(is_busy(&world.others("a").acquire().await));
    guard
        .release()
        .await
        .expect("a running lock is still released");
    world.drain().await;
}
