use lock_runtime::{LockError, distributed_lock};

struct Shop;

#[async_trait::async_trait]
trait Orders {
    async fn create_order(&self) -> Result<u64, LockError>;
}

#[distributed_lock(key = "order", ttl = 1)]
#[async_trait::async_trait]
impl Orders for Shop {
    async fn create_order(&self) -> Result<u64, LockError> {
        Ok(1)
    }
}

fn main() {}
