//! The page, and what it shows.

use serde_json::{Value, json};
use tests::http::{answer, get};

use crate::service::Service;

/// One after another they would take longer to ask about than anybody waits for the page.
const WAITERS: usize = 10;

/// The page is there, and shows who holds, waits, was refused and has left, but no owner.
///
/// # Panics
///
/// If it is otherwise.
pub async fn watching(program: &str) {
    // Longer than a waiter waits.
    let service = Service::start(program, &["--payment", "6000"]).await;
    for (path, kind) in [
        ("/", "html"),
        ("/page.css", "css"),
        ("/page.js", "javascript"),
    ] {
        let file = get(service.port, path).await;
        assert_eq!(file.status, 200, "{path}");
        assert!(
            file.header("content-type")
                .is_some_and(|own| own.contains(kind))
        );
        let policy = file.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
    let mut board = service.watch().await;
    let first = board.next().await.expect("the board as it is");
    assert_eq!(first["holding"], json!([]));

    let name = "%3Cb%3E1%3C%2Fb%3E";
    let holder = service.send(name, "a").await;
    board
        .until(|shown| shown["holding"][0]["user"] == "<b>1</b>")
        .await;
    let waiter = service.send(name, "b").await;
    let leaver = service.send(name, "c").await;
    let shown = board.until(|shown| shown["counts"]["waiting"] == 2).await;
    // `id|host|pid|…`, of which nothing is for everybody to see.
    let token = service.remains().value("lock:order:<b>1</b>").await;
    for part in token.split('|').take(2) {
        assert!(!shown.to_string().contains(part), "{part}: {shown}");
    }
    drop(leaver);
    board.until(|shown| shown["counts"]["left"] == 1).await;
    let refused = answer(waiter).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    let retry = refused
        .header("retry-after")
        .and_then(|seconds| seconds.parse().ok());
    assert!(
        retry.is_some_and(|seconds: u32| (1..=10).contains(&seconds)),
        "{refused:?}"
    );
    let shown = board.until(|shown| shown["counts"]["refused"] == 1).await;
    assert_eq!(shown["gone"][0]["words"], "busy for too long");
    assert_eq!(answer(holder).await.status, 201);
    let shown = board.until(|shown| shown["counts"]["ordered"] == 1).await;
    assert_eq!(shown["counts"]["holding"], 0);
    assert_eq!(service.order(name, "a").await.status, 200);
}

/// Two instances with the same locks: one waits for the other, shows that, and then has its turn.
///
/// # Panics
///
/// If it is otherwise.
pub async fn two_instances(program: &str) {
    let here = Service::start(program, &["--payment", "1500"]).await;
    let there = here.beside(program, &["--payment", "10"]).await;
    let mut board = there.watch().await;
    let first = here.send("7", "a").await;
    here.remains()
        .until_keys(|keys| keys == ["lock:order:7"])
        .await;
    let (same, other) = (there.send("7", "a").await, there.send("7", "b").await);
    board
        .until(|shown| shown["elsewhere"][0] == "7" && shown["counts"]["waiting"] == 2)
        .await;
    assert_eq!(answer(first).await.status, 201);
    assert_eq!(answer(same).await.status, 200, "it is there");
    assert_eq!(answer(other).await.status, 201);
    assert_eq!(here.remains().orders().twice(), Ok(0));
    board
        .until(|shown| shown["counts"]["ordered"] == 2 && shown["elsewhere"] == json!([]))
        .await;
}

/// A server that stands still while many wait for what it holds: the page stands still for no longer than for one
/// of them.
///
/// # Panics
///
/// If it does.
pub async fn watching_a_silent_server(program: &str) {
    let service = Service::start(program, &["--payment", "10"]).await;
    let (mut board, mut raw) = (service.watch().await, service.locks().raw().await);
    let mut waiting = Vec::new();
    for user in 0..WAITERS {
        let mut take = redis::cmd("SET");
        take.arg(format!("lock:order:{user}")).arg("a stranger");
        () = take.query_async(&mut raw).await.expect("an answer");
        waiting.push(service.send(&user.to_string(), "a").await);
    }
    let all = |shown: &Value| shown["elsewhere"].as_array().map(Vec::len) == Some(WAITERS);
    board.until(all).await;
    service.locks().stop();
    // One that was under way, and one that asks about all of them.
    for _ in 0..2 {
        board.next().await.expect("the service goes on");
    }
    service.locks().go_on();
    for waiter in waiting {
        let told = answer(waiter).await;
        assert!(matches!(told.status, 409 | 503), "{told:?}");
    }
}
