use lock_runtime::{LockError, distributed_lock};

struct Path(u64);

struct Shop;

#[async_trait::async_trait]
trait Orders {
    async fn create_order(&self, path: Path) -> Result<u64, LockError>;
}

#[async_trait::async_trait]
impl Orders for Shop {
    #[distributed_lock(key = "order:<id>", ttl = 1)]
    async fn create_order(&self, Path(id): Path) -> Result<u64, LockError> {
        Ok(id)
    }
}

fn main() {}
