//! The service in axum.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Form, Router, debug_handler};
use futures_util::StreamExt;
use lock_runtime::web::tower::LockScopeLayer;
use lock_runtime::{LockError, distributed_lock};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::failing;
use crate::world::World;

/// What names an order.
#[derive(Debug, Deserialize)]
pub struct Order {
    pub(crate) id: String,
}

#[distributed_lock(key = "order:<id>", ttl = 10, guard = lock)]
#[debug_handler]
async fn order(Path(id): Path<String>) -> Result<String, LockError> {
    Ok(lock.key().to_owned())
}

#[distributed_lock(key = "order:<user>:<item>", ttl = 10, guard = lock)]
async fn item(Path((user, item)): Path<(String, String)>) -> Result<String, LockError> {
    Ok(lock.key().to_owned())
}

// Above, it compiles a copy of the body, which knows nothing of a `guard`.
#[debug_handler]
#[distributed_lock(key = "order:<id>", ttl = 10, client = world.locks)]
async fn numbered(
    State(world): State<Arc<World>>,
    Path(id): Path<u64>,
) -> Result<String, LockError> {
    let keys = world.keys().await;
    Ok(format!("{} {id}", keys.join(" ")))
}

#[distributed_lock(key = "order:<order.id>", ttl = 10, guard = lock)]
async fn query(Query(order): Query<Order>) -> Result<String, LockError> {
    Ok(lock.key().to_owned())
}

#[distributed_lock(key = "order:<order.id>", ttl = 10, guard = lock)]
async fn form(Form(order): Form<Order>) -> Result<String, LockError> {
    Ok(lock.key().to_owned())
}

/// Reads the body inside the lock.
#[distributed_lock(key = "order:<id>", ttl = "1s")]
async fn upload(Path(id): Path<String>, body: Body) -> Result<String, LockError> {
    let mut parts = body.into_data_stream();
    let mut length = 0;
    while let Some(Ok(part)) = parts.next().await {
        length += part.len();
    }
    Ok(length.to_string())
}

#[distributed_lock(key = "held:<id>", ttl = 60, wait = 60)]
async fn hold(State(world): State<Arc<World>>, Path(id): Path<String>) -> Result<(), LockError> {
    world.until_open().await;
    Ok(())
}

async fn fail(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
) -> Result<String, LockError> {
    failing::fail(&world, &name).await
}

/// Serves on the port that it gives.
///
/// # Panics
///
/// If there is no free port.
pub async fn start(world: Arc<World>) -> u16 {
    let app = Router::new()
        .route("/orders/{id}", get(order))
        .route("/users/{user}/orders/{item}", get(item))
        .route("/numbered/{id}", get(numbered))
        .route("/query", get(query))
        .route("/form", post(form))
        .route("/upload/{id}", post(upload))
        .route("/held/{id}", get(hold))
        .route("/fail/{name}", get(fail))
        .layer(LockScopeLayer::new(world.locks.clone()))
        .with_state(world);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a free port");
    let port = listener.local_addr().expect("its number").port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}
