#![deny(warnings)]

use lock_runtime::{LockClient, LockError, distributed_lock};

/// # Safety
///
/// None is needed.
#[distributed_lock(key = "order:<id>", ttl = 10)]
async unsafe fn place(id: u64) -> Result<u64, LockError> {
    Ok(id + 1)
}

#[tokio::main]
async fn main() {
    let client = LockClient::in_memory();
    let placed = client.scope(unsafe { place(1) }).await;
    assert_eq!(placed.ok(), Some(2));
}
