use lock_runtime::{LockError, distributed_lock};

#[distributed_lock(key = "<user_id><item>", ttl = 1)]
async fn create_order(user_id: u64, item: u64) -> Result<u64, LockError> {
    Ok(user_id + item)
}

fn main() {}
