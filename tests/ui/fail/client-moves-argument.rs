use lock_runtime::{LockClient, LockError, distributed_lock};

struct Shop(LockClient);

fn client_of(shop: Shop) -> LockClient {
    shop.0
}

#[distributed_lock(key = "order:<user_id>", ttl = 1, client = client_of(shop))]
async fn create_order(user_id: u64, shop: Shop) -> Result<u64, LockError> {
    drop(shop);
    Ok(user_id)
}

fn main() {}
