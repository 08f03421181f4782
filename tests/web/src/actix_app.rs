//! The service in actix.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use actix_web::web::{Data, Form, Path, Payload, Query};
use actix_web::{App, HttpServer, get, post, routes};
use futures_util::StreamExt;
use lock_runtime::web::actix::LockScope;
use lock_runtime::{LockError, distributed_lock};

use crate::axum_app::Order;
use crate::failing;
use crate::world::World;

#[get("/orders/{id}")]
#[distributed_lock(key = "order:<id>", ttl = 10, guard = lock)]
async fn get_order(id: Path<String>) -> Result<String, LockError> {
    Ok(lock.key().to_owned())
}

#[distributed_lock(key = "order:<path.0>:<path.1>", ttl = 10, guard = lock)]
#[get("/users/{user}/orders/{item}")]
async fn get_item(path: Path<(String, String)>) -> Result<String, LockError> {
    Ok(lock.key().to_owned())
}

#[get("/numbered/{id}")]
#[distributed_lock(key = "order:<id>", ttl = 10, client = world.locks)]
async fn get_numbered(world: Data<World>, id: Path<u64>) -> Result<String, LockError> {
    let keys = world.keys().await;
    Ok(format!("{} {id}", keys.join(" ")))
}

#[distributed_lock(key = "order:<order.id>", ttl = 10, guard = lock)]
#[get("/query")]
async fn get_query(order: Query<Order>) -> Result<String, LockError> {
    Ok(lock.key().to_owned())
}

#[distributed_lock(key = "order:<order.id>", ttl = 10, guard = lock)]
#[post("/form")]
async fn post_form(order: Form<Order>) -> Result<String, LockError> {
    Ok(lock.key().to_owned())
}

#[routes]
#[get("/either/{id}")]
#[distributed_lock(key = "order:<id>", ttl = 10, guard = lock)]
#[post("/either/{id}")]
async fn either(id: Path<String>) -> Result<String, LockError> {
    Ok(lock.key().to_owned())
}

/// Reads the body inside the lock.
#[post("/upload/{id}")]
#[distributed_lock(key = "order:<id>", ttl = "1s")]
async fn post_upload(id: Path<String>, mut parts: Payload) -> Result<String, LockError> {
    let mut length = 0;
    while let Some(Ok(part)) = parts.next().await {
        length += part.len();
    }
    Ok(length.to_string())
}

#[get("/held/{id}")]
#[distributed_lock(key = "held:<id>", ttl = 60, wait = 60)]
async fn get_hold(world: Data<World>, id: Path<String>) -> Result<String, LockError> {
    world.until_open().await;
    Ok(String::new())
}

#[get("/fail/{name}")]
async fn get_fail(world: Data<World>, name: Path<String>) -> Result<String, LockError> {
    failing::fail(&world, &name).await
}

/// Serves on the port that it gives; with `half_closed`, which is actix's own way, also those who have
/// closed their side of the connection.
///
/// # Panics
///
/// If there is no free port.
#[must_use]
pub fn start(world: &Arc<World>, half_closed: bool) -> u16 {
    let world = world.clone();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("its number").port();
    let server = HttpServer::new(move || {
        App::new()
            .wrap(LockScope::new(world.locks.clone()))
            .app_data(Data::from(world.clone()))
            .service(get_order)
            .service(get_item)
            .service(get_numbered)
            .service(get_query)
            .service(post_form)
            .service(either)
            .service(post_upload)
            .service(get_hold)
            .service(get_fail)
    });
    let server = server
        .workers(2)
        .disable_signals()
        .h1_allow_half_closed(half_closed)
        .listen(listener)
        .expect("a free port");
    tokio::spawn(server.run());
    port
}
