//! `leaks`: locks that stay.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::world::World;

fn token(age: Duration, ttl: u64, hold: u64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let taken = now.saturating_sub(age).as_millis();
    format!("{}|web-1|4711|nightly|{taken}|{ttl}|{hold}", "0".repeat(32))
}

#[tokio::test]
async fn locks_that_stay_are_found() {
    let world = World::new().await;
    let ttl = Duration::from_mins(1);
    let sound = world.client.lock("sound").ttl(ttl).renew();
    let _held = sound.acquire().await.expect("free");
    world
        .does("SET", b"foreign", &[b"1", b"PX", b"60000"])
        .await;
    let said = world.run(&["leaks"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert!(said.out.starts_with("no leaks"), "{said:?}");

    // Another library that died between SETNX and EXPIRE.
    world.does("SETNX", b"planted", &[b"worker-7"]).await;
    let old = token(Duration::from_hours(1), 10_000, 600_000);
    world
        .does("SET", b"hung", &[old.as_bytes(), b"PX", b"9000"])
        .await;
    let fresh = token(Duration::ZERO, 10_000, 0);
    world
        .does("SET", b"stretched", &[fresh.as_bytes(), b"PX", b"900000"])
        .await;
    world.does("SET", b"persisted", &[fresh.as_bytes()]).await;
    // Old, and without renewal: it may have waited for so long.
    let waited = token(Duration::from_hours(1), 10_000, 0);
    world
        .does("SET", b"waited", &[waited.as_bytes(), b"PX", b"9000"])
        .await;

    let said = world.run(&["leaks"]);
    assert_eq!((said.code, said.err.as_str()), (1, ""), "{said:?}");
    for key in ["planted", "hung", "stretched", "persisted"] {
        assert!(said.out.contains(key), "{key}: {said:?}");
    }
    for key in ["sound", "foreign ", "waited"] {
        assert!(!said.out.contains(key), "{key}: {said:?}");
    }
    assert!(said.out.contains("4 leaks listed"), "{said:?}");
    // They are no alarm elsewhere.
    for shows in [&["list"][..], &["watch", "--times", "1"]] {
        let said = world.run(shows);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
        assert!(said.out.contains("planted"), "{said:?}");
    }
    let said = world.run(&["leaks", "--json"]);
    assert_eq!(said.code, 1);
    let object = said.json();
    let reason = |key: &str| {
        let locks = object["locks"].as_array().expect("a list");
        let lock = locks.iter().find(|lock| lock["key"] == key);
        lock.expect(key)["leak"]
            .as_str()
            .expect("a reason")
            .to_owned()
    };
    assert!(reason("planted").contains("no expiry"));
    assert!(reason("hung").contains("older than its longest hold of 10m00s"));
    assert!(reason("stretched").contains("later than its ttl of 10.0s"));

    // As found, so released.
    let said = world.run(&["release", "planted", "--token", "worker-7"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(world.value("planted").await, None);
}
