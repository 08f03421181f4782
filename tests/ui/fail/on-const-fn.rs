use lock_runtime::distributed_lock;

#[distributed_lock(key = "order:<user_id>", ttl = 1)]
const fn create_order(user_id: u64) -> u64 {
    user_id
}

fn main() {}
