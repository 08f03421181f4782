use lock_runtime::{LockError, distributed_lock};

struct Shop {
    id: u64,
}

impl Shop {
    #[distributed_lock(key = "shop:<self>", ttl = 1)]
    async fn open(&self) -> Result<u64, LockError> {
        Ok(self.id)
    }
}

fn main() {}
