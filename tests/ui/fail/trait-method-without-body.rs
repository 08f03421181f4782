use lock_runtime::{LockError, distributed_lock};

trait Orders {
    #[distributed_lock(key = "order", ttl = 1)]
    async fn create_order(&self) -> Result<u64, LockError>;
}

fn main() {}
