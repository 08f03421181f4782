use lock_runtime::{LockError, distributed_lock};

struct Cart {
    lines: Vec<u64>,
}

#[distributed_lock(key = "order:<id>", ttl = 1, with(id = cart.lines))]
async fn create_order(cart: Cart) -> Result<usize, LockError> {
    Ok(cart.lines.len())
}

fn main() {}
