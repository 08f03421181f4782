use lock_runtime::{LockError, distributed_lock};

#[distributed_lock(key = "order:<_>", ttl = 1)]
async fn create_order(_: u64) -> Result<u64, LockError> {
    Ok(1)
}

fn main() {}
