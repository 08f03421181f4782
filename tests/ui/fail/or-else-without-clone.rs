use lock_runtime::distributed_lock;

struct Cart(u64);

#[distributed_lock(key = "order:<user_id>", ttl = 1, or_else = |_| cart.0)]
async fn create_order(user_id: u64, cart: Cart) -> u64 {
    user_id + cart.0
}

fn main() {}
