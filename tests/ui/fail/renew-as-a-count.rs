use lock_runtime::{LockError, distributed_lock};

#[distributed_lock(key = "order:<user_id>", ttl = 10, renew = 3)]
async fn create_order(user_id: u64) -> Result<u64, LockError> {
    Ok(user_id)
}

fn main() {}
