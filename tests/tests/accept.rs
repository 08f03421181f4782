//! What the attribute accepts.
use lock_runtime::{LockClient, LockError, distributed_lock};

#[distributed_lock(key = "order:<user_id>", ttl = 10)]
async fn place_order(user_id: u64, cart: Vec<u8>) -> Result<usize, LockError> {
    tokio::task::yield_now().await;
    Ok(cart.len())
}

#[distributed_lock(key = "order:<id>", ttl = "1500ms", wait = 1, renew, on_lost = "finish", with(id = cart.len()), guard = lock, or_else = |e| format!("{e} {}", cart.len()))]
async fn all(cart: Vec<u8>, n: &str) -> String {
    tokio::task::yield_now().await;
    format!("{} {} {n}", lock.key(), cart.len())
}

#[tokio::test]
async fn works() {
    let client = LockClient::in_memory();
    assert_eq!(client.scope(place_order(1, vec![1])).await.unwrap(), 1);
    assert_eq!(client.scope(all(vec![1], "x")).await, "lock:order:1 1 x");
    assert!(matches!(
        place_order(1, vec![]).await,
        Err(LockError::NotInstalled { .. })
    ));
}
