use lock_runtime::{LockError, distributed_lock};

const SHOP: &str = "ours";

#[distributed_lock(key = "order:<SHOP>", ttl = 1)]
async fn create_order(user_id: u64) -> Result<u64, LockError> {
    Ok(user_id + SHOP.len() as u64)
}

fn main() {}
