use lock_runtime::{LockError, distributed_lock};

#[distributed_lock(key = "order:<item>", ttl = 1)]
async fn create_order<T>(item: T) -> Result<T, LockError> {
    Ok(item)
}

fn main() {}
