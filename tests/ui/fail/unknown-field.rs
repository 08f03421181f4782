use lock_runtime::{LockError, distributed_lock};

struct Cart {
    id: u64,
}

#[distributed_lock(key = "order:<cart.ix>", ttl = 1)]
async fn create_order(cart: Cart) -> Result<u64, LockError> {
    Ok(cart.id)
}

fn main() {}
