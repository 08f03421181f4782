use std::time::Duration;

use lock_runtime::LockError;

use crate::world::World;

pub(crate) async fn bad_keys_send_nothing(world: World) {
    for key in ["", "fence:a", &"x".repeat(512)] {
        let error = world.lock(key).acquire().await.expect_err("not a key");
        assert!(matches!(error, LockError::InvalidKey { .. }), "{error}");
    }
    assert_eq!(world.keys().await, 0);
}

pub(crate) async fn bad_options_send_nothing(world: World) {
    let second = Duration::from_secs(1);
    for request in [
        world.lock("a").ttl(Duration::ZERO),
        world.lock("a").ttl(Duration::from_micros(9_999)),
        world.lock("a").ttl(Duration::MAX),
        world.lock("a").wait(Duration::MAX),
        world.lock("a").ttl(second).longest_hold(second),
        world.lock("a").ttl(Duration::from_millis(200)).renew(),
        world.lock("a").ttl(second).min_hold(second * 2),
    ] {
        let error = request.acquire().await.expect_err("out of range");
        assert!(matches!(error, LockError::InvalidOptions { .. }), "{error}");
        let told = error.to_string();
        let named = told.strip_prefix("invalid lock options: lock `");
        assert!(named.is_some_and(|named| named.contains("a`: ")), "{told}");
    }
    assert_eq!(world.keys().await, 0);
}
