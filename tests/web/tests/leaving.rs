//! Clients that hang up: their lock is given back, and their place in line is left.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use web_tests::http::{getting, send};
use web_tests::messages::Asked;
use web_tests::world::{PATIENCE, World};
use web_tests::{actix_app, axum_app, tonic_app};

const HELD: &str = "lock:held:1";

fn is_held(keys: &[String]) -> bool {
    keys.iter().any(|key| key == HELD)
}

async fn a_holder_leaves(world: &World, port: u16) {
    let holder = send(port, &getting("/held/1")).await;
    world.until_keys(is_held).await;
    drop(holder);
    // Its ttl is a minute, longer than this waits.
    world.until_keys(<[String]>::is_empty).await;
    assert_eq!(world.inside(), 1);
}

/// One holds, one waits and leaves: nobody waits when the lock is free.
async fn a_waiter_leaves(world: &World, port: u16) {
    let holder = send(port, &getting("/held/1")).await;
    world.until_keys(is_held).await;
    let before = world.inside();
    let waiter = send(port, &getting("/held/1")).await;
    // No answer tells that it has come so far.
    sleep(Duration::from_millis(700)).await;
    drop(waiter);
    sleep(Duration::from_millis(700)).await;
    world.open();
    assert_eq!(web_tests::http::answer(holder).await.status, 200);
    world.until_keys(<[String]>::is_empty).await;
    assert_eq!(world.inside(), before, "only the holder was inside");
}

#[tokio::test]
async fn axum() {
    let world = World::start().await;
    let port = axum_app::start(world.clone()).await;
    a_holder_leaves(&world, port).await;
    a_waiter_leaves(&world, port).await;
}

#[tokio::test]
async fn actix_told_that_no_client_closes_its_side_alone() {
    let world = World::start().await;
    let port = actix_app::start(&world, false);
    a_holder_leaves(&world, port).await;
    a_waiter_leaves(&world, port).await;
}

/// A client that hangs up looks like one that only has nothing more to say.
#[tokio::test]
async fn actix_of_itself_runs_on_to_the_end() {
    let world = World::start().await;
    let port = actix_app::start(&world, true);
    let holder = send(port, &getting("/held/1")).await;
    world.until_keys(is_held).await;
    drop(holder);
    sleep(Duration::from_millis(500)).await;
    assert!(is_held(&world.keys().await), "as actix has it");
    world.open();
    world.until_keys(<[String]>::is_empty).await;
}

fn asked() -> Asked {
    Asked {
        id: "1".to_owned(),
        item: String::new(),
    }
}

async fn tonic_world() -> (
    Arc<World>,
    web_tests::orders::orders_client::OrdersClient<tonic::transport::Channel>,
) {
    let world = World::start().await;
    let orders = tonic_app::start(world.clone()).await;
    (world, orders)
}

#[tokio::test]
async fn a_grpc_call_that_is_cancelled() {
    let (world, mut orders) = tonic_world().await;
    let call = tokio::spawn(async move { orders.hold(asked()).await });
    world.until_keys(is_held).await;
    call.abort();
    world.until_keys(<[String]>::is_empty).await;
}

#[tokio::test]
async fn a_grpc_call_whose_deadline_passes() {
    let (world, mut orders) = tonic_world().await;
    let mut request = tonic::Request::new(asked());
    request.set_timeout(Duration::from_millis(500));
    let told = timeout(PATIENCE, orders.hold(request)).await;
    assert!(told.expect("its own deadline").is_err());
    world.until_keys(<[String]>::is_empty).await;
}
