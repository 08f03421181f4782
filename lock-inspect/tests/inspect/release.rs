//! `release`: by the token or not at all, and what `--force` asks.

use std::time::Duration;

use crate::terminal::Terminal;
use crate::tool::command;
use crate::world::World;

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_lock_goes_by_its_token_alone() {
    let world = World::new().await;
    let lock = world.client.lock("order:42").ttl(MINUTE);
    let held = lock.acquire().await.expect("free");
    let token = held.token().as_str().to_owned();

    let said = world.run(&["release", "order:42"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("--token"), "{said:?}");
    for wrong in ["", "another", &token[..token.len() - 1], "-x"] {
        let said = world.run(&["release", "order:42", "--token", wrong]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(
            said.out.contains("not released") && said.out.contains("pid"),
            "{said:?}"
        );
    }
    assert!(world.value("order:42").await.is_some());

    // It was stolen after somebody looked: the thief's lock stays.
    world.does("SET", b"order:42", &[b"thief"]).await;
    let said = world.run(&["release", "order:42", "--token", &token]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("foreign: \"thief\""), "{said:?}");
    world.does("SET", b"order:42", &[token.as_bytes()]).await;

    let said = world.run(&["release", "order:42", "--token", &token]);
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "released `order:42`\n"),
        "{said:?}"
    );
    assert_eq!(world.value("order:42").await, None);
    let said = world.run(&["release", "order:42", "--token", &token]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("is free"), "{said:?}");
    // Its holder learns of it.
    held.release().await.expect_err("released by another hand");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_takes_what_was_released() {
    let world = World::new().await;
    let lock = world.client.lock("a").ttl(MINUTE);
    let held = lock.acquire().await.expect("free");
    let lock = world.client.lock("b").ttl(MINUTE);
    let _other = lock.acquire().await.expect("free");
    let token = held.token().as_str().to_owned();
    let client = lock_runtime::LockClient::builder().prefix(&*world.prefix);
    let client = client
        .connect(&world.url)
        .await
        .expect("the server answers");
    let waiting = tokio::spawn(client.lock("a").ttl(MINUTE).wait(MINUTE).acquire());
    crate::show::wait_until(|| world.run(&["show", "a"]).out.contains("in line"));
    let said = world.run(&["release", "a", "--token", &token]);
    assert_eq!(said.code, 0, "{said:?}");
    let woken = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    let woken = woken.expect("in time").expect("no panic");
    drop(woken.expect("it is free now"));
}

#[tokio::test]
async fn force_shows_asks_and_compares() {
    let world = World::new().await;
    let lock = world
        .client
        .lock("order:42")
        .ttl(MINUTE)
        .name("place_order");
    let _held = lock.acquire().await.expect("free");

    // Nobody to ask.
    let said = world.run(&["release", "order:42", "--force"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.err.contains("place_order on ") && said.err.contains("--yes"),
        "{said:?}"
    );
    assert!(said.err.contains("done twice"), "{said:?}");

    let arguments = world.here(&["release", "order:42", "--force"]);
    for answer in ["\n", "no\n", "y\n"] {
        let mut terminal = Terminal::start(command(&arguments), 80, 24);
        terminal.wait_for("Type yes:");
        terminal.types(answer);
        let (code, told) = terminal.end();
        assert_eq!(code, 1, "{told}");
        assert!(told.contains("not released"), "{told}");
    }
    assert!(world.value("order:42").await.is_some());

    // Another took it while the question stood there.
    let mut terminal = Terminal::start(command(&arguments), 80, 24);
    terminal.wait_for("Type yes:");
    world.does("SET", b"order:42", &[b"another"]).await;
    terminal.types("yes\n");
    let (code, told) = terminal.end();
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("not released"), "{told}");
    assert_eq!(
        world.value("order:42").await.as_deref(),
        Some(&b"another"[..])
    );

    let mut terminal = Terminal::start(command(&arguments), 80, 24);
    terminal.wait_for("Type yes:");
    terminal.types("yes\n");
    let (code, told) = terminal.end();
    assert_eq!(code, 0, "{told}");
    assert_eq!(world.value("order:42").await, None);

    let said = world.run(&["release", "order:42", "--force", "--yes"]);
    assert_eq!(said.code, 1, "free: {said:?}");
    world.does("SET", b"order:42", &[b"\xff\0\n"]).await;
    let said = world.run(&["release", "order:42", "--force", "--yes"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(world.value("order:42").await, None);
}

#[tokio::test]
async fn what_is_nobodys_lock_is_never_deleted() {
    let world = World::new().await;
    world.does("RPUSH", b"queue", &[b"1"]).await;
    world.does("SET", b"blob", &[&[b'x'; 5000]]).await;
    for key in ["queue", "blob"] {
        let said = world.run(&["release", key, "--force", "--yes"]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains("no lock of this library"), "{said:?}");
        let said = world.run(&["release", key, "--token", "x"]);
        assert_eq!(said.code, 1, "{said:?}");
        assert_eq!(world.run(&["show", key]).code, 0);
    }
    let said = world.run(&["release", "fence:{x}", "--force", "--yes"]);
    assert_eq!(said.code, 2, "{said:?}");
    let said = world.run(&["release", "a\\q", "--token", "x"]);
    assert_eq!(said.code, 2, "{said:?}");
}
