//! `show`: a lock, its fence, and its line of waiters.

use std::time::{Duration, Instant};

use lock_runtime::LockClient;

use crate::world::World;

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_shown_with_its_fence_and_its_line() {
    let world = World::new().await;
    let lock = world.client.lock("order:42").ttl(MINUTE).renew().fenced();
    let held = lock.name("place_order").acquire().await.expect("free");
    let mut waiters = Vec::new();
    for name in ["first_in_line", "second_in_line"] {
        // Each client puts one into the line.
        let client = LockClient::builder().prefix(&*world.prefix);
        let client = client
            .connect(&world.url)
            .await
            .expect("the server answers");
        let lock = client.lock("order:42").ttl(MINUTE).wait(MINUTE);
        waiters.push(tokio::spawn(lock.name(name).acquire()));
        wait_until(|| world.run(&["show", "order:42"]).out.contains(name));
    }

    let said = world.run(&["show", "order:42"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    let fence = held.fencing_token().expect("fenced").to_string();
    let fact = |title: &str, text: &str| {
        let line = said.out.lines().find(|line| line.starts_with(title));
        assert!(
            line.is_some_and(|line| line.ends_with(text)),
            "{title}: {said:?}"
        );
    };
    fact("key", "order:42");
    fact("on the server", &format!("{}order:42", world.prefix));
    fact("held by", &format!(" pid {}", std::process::id()));
    fact("token", held.token().as_str());
    fact("ttl", "1m00s");
    fact("longest hold", "1d00h");
    fact("last fence", &fence);
    fact("in line", "2, the first of each client");
    let (first, second) = (
        said.out.find("first_in_line"),
        said.out.find("second_in_line"),
    );
    assert!(first < second, "{said:?}");

    let object = world.run(&["show", "order:42", "--json"]).json();
    assert_eq!(object["fence"], fence.as_str());
    assert_eq!(object["waiting_clients"], 2);
    assert_eq!(object["line"][0]["function"], "first_in_line");
    assert_eq!(object["lock"]["token"], held.token().as_str());
    for waiter in waiters {
        waiter.abort();
    }
}

#[tokio::test]
async fn a_free_lock_is_said_to_be_free() {
    let world = World::new().await;
    let said = world.run(&["show", "order:42"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("the lock is free"), "{said:?}");
    assert_eq!(
        world.run(&["show", "--json", "a"]).json()["lock"],
        serde_json::Value::Null
    );
    // The most likely mistake.
    let said = world.run(&["show", &format!("{}order:42", world.prefix)]);
    assert!(said.out.contains("leave it out of the key"), "{said:?}");
}

#[tokio::test]
async fn what_is_no_lock_is_shown_as_such() {
    let world = World::new().await;
    world.does("RPUSH", b"list", &[b"1"]).await;
    let said = world.run(&["show", "list"]);
    assert_eq!(said.code, 0);
    assert!(said.out.contains("foreign: a list"), "{said:?}");
    // Strangers where fence and line would be.
    world.does("SET", b"a", &[b"1"]).await;
    let beside = |kind: &str| format!("{kind}:{{{}a}}", world.prefix);
    let (fence, line) = (beside("fence"), beside("line"));
    world.does("RPUSH", fence.as_bytes(), &[b"1"]).await;
    world
        .does("ZADD", line.as_bytes(), &[b"1", b"\x1bnobody"])
        .await;
    let said = world.run(&["show", "a"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!said.out.contains("last fence"), "{said:?}");
    assert!(said.out.contains("in line        1"), "{said:?}");
}

pub(crate) fn wait_until(mut holds: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < patience, "it does not come to that");
        std::thread::sleep(Duration::from_millis(20));
    }
}
