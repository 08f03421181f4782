//! A gRPC service that places orders, one at a time for each item, and ends in good order on SIGTERM.
//!
//! `cargo run -p tonic-orders`, with a `redis-server` or `valkey-server` on the PATH, or one that is named by
//! `REDIS_URL`. The exit code is 2 if there is no server, and 1 if locks were left to their ttl.

mod settings;

use std::env;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use examples::{NO_SERVER, Result, Server as Redis, interrupted};
use lock_runtime::LockClient;
use lock_runtime::web::tower::LockScopeLayer;
use settings::{Asked, Settings};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_orders::messages::Order;
use tonic_orders::orders::orders_client::OrdersClient;
use tonic_orders::orders::orders_server::OrdersServer;
use tonic_orders::{Shop, Store};

/// For orders that are being placed when the end comes.
const PATIENCE: Duration = Duration::from_secs(20);
/// For their answers to go out.
const ANSWERS: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let ended = match Asked::parse(&arguments) {
        Ok(Asked::Serve(settings)) => serve(&settings).await,
        Ok(Asked::Place(url, order)) => place(url, order).await,
        Err(usage) => Err(usage.into()),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("tonic_orders: {error}");
        ExitCode::FAILURE
    })
}

async fn serve(settings: &Settings) -> Result<ExitCode> {
    let Some(redis) = Redis::find("tonic_orders").await? else {
        return Ok(ExitCode::from(NO_SERVER));
    };
    let client = LockClient::connect(redis.url()).await?;
    let store = Arc::new(Store::open(settings.database.as_deref())?);
    let listener = TcpListener::bind(settings.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);

    let (tell, told) = oneshot::channel::<()>();
    let service = OrdersServer::new(Shop::new(store, settings.payment));
    let mut serving = tokio::spawn(
        Server::builder()
            .layer(LockScopeLayer::new(client.clone()))
            .add_service(service)
            .serve_with_incoming_shutdown(TcpIncoming::from(listener), async {
                let _ = told.await;
            }),
    );
    tokio::select! {
        // SIGTERM.
        _ = interrupted() => {}
        ended = &mut serving => {
            ended??;
            return Err("it serves no more".into());
        }
    }
    println!("ending: no new orders");
    let _ = tell.send(());
    // Who waits is told at once, and asks another instance; what is being placed is let finish.
    let rest = client.shutdown(PATIENCE).await;
    if let Ok(ended) = timeout(ANSWERS, serving).await {
        ended??;
    }
    if rest.is_empty() {
        println!("ended: no lock is left");
        Ok(ExitCode::SUCCESS)
    } else {
        Err(format!("left to their ttl: {rest:?}").into())
    }
}

async fn place(url: String, order: Order) -> Result<ExitCode> {
    let mut orders = OrdersClient::connect(url).await?;
    match orders.place(order).await {
        Ok(placed) => {
            let placed = placed.into_inner();
            println!("order {}, {} left", placed.number, placed.left);
            Ok(ExitCode::SUCCESS)
        }
        Err(status) => Err(format!("{:?}: {}", status.code(), status.message()).into()),
    }
}
