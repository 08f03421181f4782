use lock_runtime::{LockError, distributed_lock};

#[distributed_lock(key = "account:<id>", ttl = 10, fence = true)]
async fn debit(id: u64) -> Result<(), LockError> {
    Ok(())
}

fn main() {}
