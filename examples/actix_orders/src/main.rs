//! An order service on actix: one order of a user at a time, on however many instances.
//!
//! `cargo run -p actix-orders`, with a `redis-server` or `valkey-server` on the PATH or one named by
//! `REDIS_URL`; then open what it says.

mod failure;
mod routes;

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use examples::{NO_SERVER, Result, Server, interrupted};
use lock_runtime::LockClient;
use lock_runtime::web::actix::LockScope;
use shop::{Settings, Shop};

/// For running orders at the end: longer than one takes.
const PATIENCE: Duration = Duration::from_secs(10);

#[actix_web::main]
async fn main() -> ExitCode {
    run().await.unwrap_or_else(|error| {
        eprintln!("actix_orders: {error}");
        ExitCode::FAILURE
    })
}

async fn run() -> Result<ExitCode> {
    let settings = Settings::parse(env::args().skip(1))?;
    let Some(redis) = Server::find("actix_orders").await? else {
        return Ok(ExitCode::from(NO_SERVER));
    };
    let locks = LockClient::builder()
        .max_waiters_per_key(50)
        .connect(redis.url())
        .await?;
    let shop = Shop::open(&settings)?;

    let (sold, scoped, board) = (Data::from(shop.clone()), locks.clone(), shop.board.clone());
    let server = HttpServer::new(move || {
        App::new()
            .wrap(LockScope::new(scoped.clone()))
            .app_data(sold.clone())
            .app_data(Data::new(scoped.clone()))
            .configure(|config| routes::configure(config, settings.unguarded))
    })
    // Else a client that hangs up holds its lock to the end of its order.
    .h1_allow_half_closed(false)
    .shutdown_signal(async move { board.closed().await })
    .shutdown_timeout(PATIENCE.as_secs())
    .bind(settings.listen)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    let ending = async {
        // SIGTERM, or Ctrl-C.
        let _ = interrupted().await;
        shop.board.close();
        // Who waits is told to go at once; by the framework alone all would get their turns first, one
        // after another. Who holds is waited for.
        locks.shutdown(PATIENCE).await
    };
    let (ended, rest) = tokio::join!(server.run(), ending);
    ended?;
    println!("actix_orders: {}", shop.summary()?);
    if !rest.is_empty() {
        return Err(format!("left to their ttl: {rest:?}").into());
    }
    Ok(ExitCode::SUCCESS)
}
