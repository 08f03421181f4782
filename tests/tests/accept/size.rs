use std::mem::{size_of, size_of_val};

use lock_runtime::{LockError, distributed_lock};

type Cart = [u8; 1024];

#[allow(clippy::large_types_passed_by_value)]
async fn plain(user_id: u64, cart: Cart) -> Result<u64, LockError> {
    tokio::task::yield_now().await;
    Ok(user_id + u64::from(cart[0]))
}

#[distributed_lock(key = "order:<user_id>", ttl = 10)]
#[allow(clippy::large_types_passed_by_value)]
async fn wrapped(user_id: u64, cart: Cart) -> Result<u64, LockError> {
    tokio::task::yield_now().await;
    Ok(user_id + u64::from(cart[0]))
}

#[test]
fn the_wrapped_future_stays_small() {
    let arguments = size_of::<u64>() + size_of::<Cart>();
    let plain = size_of_val(&plain(1, [0; 1024]));
    let wrapped = size_of_val(&wrapped(1, [0; 1024]));
    println!("plain {plain} B, wrapped {wrapped} B, arguments {arguments} B");
    assert!(
        wrapped <= plain + arguments + 512,
        "plain {plain} B, wrapped {wrapped} B"
    );
}
