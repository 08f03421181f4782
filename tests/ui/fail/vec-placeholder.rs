use lock_runtime::{LockError, distributed_lock};

#[distributed_lock(key = "order:<cart>", ttl = 1)]
async fn create_order(cart: Vec<u8>) -> Result<u64, LockError> {
    drop(cart);
    Ok(1)
}

fn main() {}
