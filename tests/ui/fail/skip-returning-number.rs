use lock_runtime::{distributed_lock, skip};

#[distributed_lock(key = "order:<user_id>", ttl = 10, or_else = skip)]
async fn create_order(user_id: u64) -> u64 {
    user_id
}

fn main() {}
