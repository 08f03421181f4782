//! Waiters whose lock counts only when a replica has acknowledged it.

use lock_runtime::LockError;
use tests::Server;
use tokio::time::Instant;

use crate::waiting::{got, wait};
use crate::world::{LINE, LONG, NAME, SECOND, SOON, World, drain, settings, take, until};

async fn replicated() -> (World, Server) {
    let primary = Server::start(&["--repl-diskless-sync-delay", "0"]);
    let port = primary.port().to_string();
    let of = ["--replicaof", "127.0.0.1", &port];
    let replica = Server::start_in(Some(Server::folder()), &of);
    let world = World::on(primary).await;
    until(LONG, async || {
        let _: () = world.run(&["SET", "written", "1"]).await;
        world.run::<usize>(&["WAIT", "1", "100"]).await == 1
    })
    .await;
    let _: () = world.run(&["DEL", "written"]).await;
    (world, replica)
}

#[tokio::test]
async fn a_lock_that_is_passed_on_is_acknowledged_before_it_is_held() {
    let (world, replica) = replicated().await;
    let builder = settings().acks(1, 2 * SECOND);
    let url = world.member("acks").await;
    let (holder, waiter) = (
        builder.clone().connect(&url).await.expect("answers"),
        builder.connect(&url).await.expect("answers"),
    );
    let mut held = take(&holder, NAME).await;
    for n in 0..6 {
        let (client, fenced) = ([&waiter, &holder][n % 2], n > 3);
        let request = client.lock(NAME).wait(LONG);
        let request = if fenced { request.fenced() } else { request };
        let waiting = tokio::spawn(request.acquire());
        world.until_in_line(1).await;
        let asked = world.ran("wait").await;
        let released = Instant::now();
        held.release().await.expect("ours");
        held = got(waiting).await;
        assert!(released.elapsed() < SOON, "{:?}", released.elapsed());
        assert!(world.ran("wait").await > asked, "nobody asked the replica");
        assert_eq!(held.fencing_token().is_some(), fenced);
    }
    // Without its replica the next one gets an error, and nothing is left.
    let waiting = wait(&waiter);
    world.until_in_line(1).await;
    drop(replica);
    held.release().await.expect("ours");
    let error = waiting.await.expect("no panic").expect_err("no replica");
    assert!(matches!(error, LockError::Backend { .. }), "{error}");
    drain(&holder).await;
    drain(&waiter).await;
    until(SECOND, async || {
        world.run::<usize>(&["EXISTS", LINE]).await == 0
    })
    .await;
    let left: Vec<String> = world.run(&["KEYS", "*"]).await;
    assert!(
        left.iter().all(|key| key.starts_with("lock:fence:")),
        "{left:?}"
    );
}
