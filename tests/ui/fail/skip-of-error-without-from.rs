use lock_runtime::{distributed_lock, skip};

struct OrderError;

#[distributed_lock(key = "order:<user_id>", ttl = 10, or_else = skip)]
async fn create_order(user_id: u64) -> Result<(), OrderError> {
    Ok(())
}

fn main() {}
