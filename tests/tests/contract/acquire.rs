use std::time::Duration;

use lock_runtime::{Holder, LockError, Ownership, Release};

use crate::world::{World, is_busy, poll_once};

pub(crate) async fn a_free_lock_is_taken(world: World) {
    let guard = world
        .lock("a")
        .ttl(Duration::from_secs(3))
        .acquire()
        .await
        .expect("free");
    assert_eq!(guard.key(), format!("{}a", world.prefix));
    assert!(
        guard.remaining() <= Duration::from_millis(2_968),
        "{:?}",
        guard.remaining()
    );
    assert!(guard.remaining() > Duration::from_secs(1));
    assert_eq!(guard.release().await.expect("ours"), Release::Deleted);
}

pub(crate) async fn a_held_lock_is_busy_and_names_its_holder(world: World) {
    let _held = world
        .lock("a")
        .name("shop::place_order")
        .acquire()
        .await
        .expect("free");
    for client in [&world.client, &world.other] {
        let error = client.lock("a").acquire().await.expect_err("held");
        let LockError::Busy {
            key,
            holder: Some(Holder::Owner(owner)),
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!(*key, format!("{}a", world.prefix));
        assert_eq!(owner.function, "shop::place_order");
        assert_eq!(owner.pid, std::process::id());
        assert!(error.to_string().contains("busy"), "{error}");
    }
}

pub(crate) async fn every_token_is_fresh(world: World) {
    let first = world.take("a").await;
    let token = first.token().clone();
    first.release().await.expect("ours");
    assert_ne!(*world.take("a").await.token(), token);
}

pub(crate) async fn check_tells_mine_other_and_free(world: World) {
    let guard = world.take("a").await;
    let token = guard.token().clone();
    assert_eq!(guard.check().await.expect("an answer"), Ownership::Mine);
    assert_eq!(
        world.other.check("a", &token).await.expect("an answer"),
        Ownership::Mine
    );
    guard.release().await.expect("ours");
    assert_eq!(
        world.client.check("a", &token).await.expect("an answer"),
        Ownership::Free
    );
    world.put("a", "stranger").await;
    let found = world.client.check("a", &token).await.expect("an answer");
    assert_eq!(
        found,
        Ownership::Other(Holder::Foreign("stranger".to_owned()))
    );
}

pub(crate) async fn the_prefix_is_part_of_the_key(world: World) {
    world.put("a", "stranger").await;
    assert!(is_busy(&world.lock("a").acquire().await));
}

pub(crate) async fn a_cancelled_acquire_leaves_nothing(world: World) {
    for _ in 0..50 {
        poll_once(world.lock("a").acquire()).await;
    }
    world.drain().await;
    assert_eq!(world.keys().await, 0);
}

pub(crate) async fn other_keys_are_free(world: World) {
    let _a = world.take("a").await;
    world.take("b").await.release().await.expect("ours");
}

pub(crate) async fn a_strangers_value_is_busy(world: World) {
    world.put("a", "1").await;
    let error = world.lock("a").acquire().await.expect_err("a stranger's");
    assert!(
        error
            .to_string()
            .contains("holder: unknown, the key holds \"1\""),
        "{error}"
    );
}

pub(crate) async fn a_key_of_another_type_is_busy_and_stays(world: World) {
    world.put_list("a").await;
    let error = world.lock("a").acquire().await.expect_err("a list");
    assert!(error.to_string().contains("holder: not a lock"), "{error}");
    let waited = world
        .lock("a")
        .wait(Duration::from_millis(50))
        .acquire()
        .await;
    let error = waited.expect_err("still a list");
    assert!(
        matches!(
            &error,
            LockError::WaitTimeout {
                holder: Some(Holder::NotALock),
                ..
            }
        ),
        "{error}"
    );
    world.drain().await;
    assert_eq!(world.keys().await, 1);
}
