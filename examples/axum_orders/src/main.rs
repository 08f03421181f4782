//! An order service on axum: one order of a user at a time, on however many instances.
//!
//! `cargo run -p axum-orders`, with a `redis-server` or `valkey-server` on the PATH or one named by
//! `REDIS_URL`; then open what it says.

mod failure;
mod routes;

use std::env;
use std::future::IntoFuture;
use std::process::ExitCode;
use std::time::Duration;

use examples::{NO_SERVER, Result, Server, interrupted};
use lock_runtime::LockClient;
use shop::{Settings, Shop};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::sleep;

/// For running orders at the end: longer than one takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// For clients to take their answers, and for those who never send their request to the end.
const GRACE: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> ExitCode {
    run().await.unwrap_or_else(|error| {
        eprintln!("axum_orders: {error}");
        ExitCode::FAILURE
    })
}

async fn run() -> Result<ExitCode> {
    let settings = Settings::parse(env::args().skip(1))?;
    let Some(redis) = Server::find("axum_orders").await? else {
        return Ok(ExitCode::from(NO_SERVER));
    };
    let locks = LockClient::builder()
        .max_waiters_per_key(50)
        .connect(redis.url())
        .await?;
    let shop = Shop::open(&settings)?;
    let app = routes::router(shop.clone(), &locks, settings.unguarded);
    let listener = TcpListener::bind(settings.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);

    let board = shop.board.clone();
    let serving = axum::serve(listener, app)
        .with_graceful_shutdown(async move { board.closed().await })
        .into_future();
    let ended = Notify::new();
    let serving = async {
        tokio::select! {
            served = serving => served,
            () = async { ended.notified().await; sleep(GRACE).await } => Ok(()),
        }
    };
    let ending = async {
        // SIGTERM, or Ctrl-C.
        let _ = interrupted().await;
        shop.board.close();
        // Who waits is told to go at once; by the framework alone all would get their turns first, one
        // after another. Who holds is waited for.
        let rest = locks.shutdown(PATIENCE).await;
        ended.notify_one();
        rest
    };
    let (served, rest) = tokio::join!(serving, ending);
    served?;
    println!("axum_orders: {}", shop.summary()?);
    if !rest.is_empty() {
        return Err(format!("left to their ttl: {rest:?}").into());
    }
    Ok(ExitCode::SUCCESS)
}
