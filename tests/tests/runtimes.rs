//! One client in several runtimes.

use std::time::Duration;

use lock_runtime::LockClient;
use tests::Server;
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

async fn use_it(client: &LockClient, key: &str) {
    for _ in 0..3 {
        client
            .lock(key)
            .acquire()
            .await
            .expect("free")
            .release()
            .await
            .expect("ours");
    }
}

#[test]
fn a_client_works_on_when_its_runtime_is_gone() {
    let first = runtime();
    let client = first
        .block_on(LockClient::connect(&Server::shared().url()))
        .expect("connects");
    first.block_on(use_it(&client, "gone"));
    drop(first);
    runtime().block_on(use_it(&client, "gone"));
    runtime().block_on(use_it(&client, "gone"));
}

#[test]
fn a_client_works_beside_a_runtime_that_stands_still() {
    let first = runtime();
    let client = first
        .block_on(LockClient::connect(&Server::shared().url()))
        .expect("connects");
    first.block_on(use_it(&client, "still"));
    runtime().block_on(use_it(&client, "still"));
    first.block_on(use_it(&client, "still"));
}

#[test]
fn a_guard_that_outlives_its_runtime_is_released_in_the_next() {
    let first = runtime();
    let client = first
        .block_on(LockClient::connect(&Server::shared().url()))
        .expect("connects");
    let guard = first.block_on(
        client
            .lock("outlived")
            .ttl(Duration::from_mins(10))
            .acquire(),
    );
    drop(first);
    drop(guard.expect("free"));
    runtime().block_on(use_it(&client, "outlived"));
}

#[test]
fn a_client_in_memory_is_made_outside_a_runtime() {
    let client = LockClient::in_memory();
    runtime().block_on(use_it(&client, "memory"));
    runtime().block_on(use_it(&client, "memory"));
}
