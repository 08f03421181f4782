use lock_runtime::{LockError, distributed_lock};

#[distributed_lock(key = "order:<N>", ttl = 1)]
async fn create_order<const N: usize>(items: [u64; N]) -> Result<usize, LockError> {
    Ok(items.len())
}

fn main() {}
