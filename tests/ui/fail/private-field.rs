use lock_runtime::{LockError, distributed_lock};

mod shop {
    #[derive(Default)]
    pub struct Cart {
        id: u64,
    }
}

#[distributed_lock(key = "order:<cart.id>", ttl = 1)]
async fn create_order(cart: shop::Cart) -> Result<(), LockError> {
    drop(cart);
    Ok(())
}

fn main() {}
