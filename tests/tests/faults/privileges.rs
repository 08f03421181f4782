//! Users with the least privileges, and one less.

use std::time::Duration;

use lock_runtime::{AcquireForm, LockClient, LockError, LockRequest};
use redis::aio::MultiplexedConnection;
use tests::Server;

use crate::{drain, run};

/// What the README tells users to grant.
const LEAST: &str = "resetchannels -@all +set +get +del +pexpire +pttl +eval +evalsha ~lock:*";

async fn user(stranger: &mut MultiplexedConnection, server: &Server, more: &str) -> String {
    let rules = format!("ACL SETUSER worker reset on >word {LEAST} {more}");
    let _: () = run(stranger, &rules.split_whitespace().collect::<Vec<_>>()).await;
    format!("redis://worker:word@127.0.0.1:{}", server.port())
}

type Wish = fn(LockRequest) -> LockRequest;

/// What needs one permission more than the least.
const WISHES: [(&str, &str, Wish); 3] = [
    ("+setnx", "", |request| request.form(AcquireForm::Script)),
    ("+time", "", LockRequest::fenced),
    ("+select", "/1", |request| request),
];

async fn call(url: &str, wish: Wish) -> Result<(), LockError> {
    let client = LockClient::connect(url).await?;
    let guard = wish(client.lock("a")).acquire().await?;
    guard.extend().await?;
    let _ = guard.check().await?;
    guard.release().await?;
    drain(&client).await;
    Ok(())
}

#[tokio::test]
async fn each_wish_needs_one_permission_and_without_it_says_which() {
    assert!(include_str!("../../../README.md").contains(LEAST));
    let server = Server::start(&[]);
    let mut stranger = server.raw().await;
    let url = user(&mut stranger, &server, "").await;
    call(&url, |request| request)
        .await
        .expect("the least is enough");
    call(&url, |request| request.min_hold(Duration::from_secs(10)))
        .await
        .expect("also for one that stays");
    assert_eq!(run::<usize>(&mut stranger, &["DBSIZE"]).await, 1);
    let _: () = run(&mut stranger, &["FLUSHALL"]).await;
    for (permission, database, wish) in WISHES {
        let url = user(&mut stranger, &server, "").await + database;
        let error = call(&url, wish).await.expect_err("not permitted");
        let text = error.to_string();
        println!("{permission}: {text}");
        assert!(matches!(error, LockError::Backend { .. }), "{text}");
        assert!(
            text.contains(permission) || text.contains(&permission[1..]),
            "{text}"
        );
        assert_eq!(run::<usize>(&mut stranger, &["DBSIZE"]).await, 0);
        let url = user(&mut stranger, &server, permission).await + database;
        call(&url, wish).await.expect(permission);
        let _: () = run(&mut stranger, &["FLUSHALL"]).await;
    }
}
