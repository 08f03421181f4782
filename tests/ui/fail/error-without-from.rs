use lock_runtime::distributed_lock;

struct OrderError;

#[distributed_lock(key = "order:<user_id>", ttl = 1)]
async fn create_order(user_id: u64) -> Result<u64, OrderError> {
    Ok(user_id)
}

fn main() {}
