use std::pin::Pin;
use std::sync::Arc;

use lock_runtime::{LockClient, LockError, distributed_lock};

#[derive(Clone)]
struct Shop {
    id: u64,
    locks: LockClient,
    sold: u64,
}

impl Shop {
    #[distributed_lock(key = "shop:<self.id>", ttl = 10, client = self.locks)]
    async fn shared(&self) -> Result<u64, LockError> {
        Ok(self.id)
    }

    #[distributed_lock(key = "shop:<self.id>", ttl = 10, client = self.locks)]
    async fn exclusive(&mut self, more: u64) -> Result<u64, LockError> {
        self.sold += more;
        Ok(self.sold)
    }

    #[distributed_lock(key = "shop:<self.id>", ttl = 10, client = self.locks)]
    async fn owned(mut self) -> Result<u64, LockError> {
        self.sold += 1;
        Ok(self.sold)
    }

    #[distributed_lock(key = "shop:<self.id>", ttl = 10, client = &self.locks)]
    async fn counted(self: Arc<Self>) -> Result<u64, LockError> {
        Ok(self.sold)
    }

    #[distributed_lock(key = "shop:<self.id>", ttl = 10, client = self.locks)]
    async fn pinned(mut self: Pin<&mut Self>) -> Result<u64, LockError> {
        self.sold += 1;
        Ok(self.sold)
    }

    #[distributed_lock(key = "shop:<self.id>", ttl = 10, client = self.locks)]
    async fn boxed(self: Box<Self>) -> Result<u64, LockError> {
        Ok(self.sold)
    }

    #[distributed_lock(key = "shop:<self.id>", ttl = 10, client = self.locks, or_else = |_| self.sold)]
    async fn or_sold(&self, more: u64) -> u64 {
        tokio::task::yield_now().await;
        self.sold + more
    }

    #[distributed_lock(key = "shop:<id>", ttl = 10, client = locks)]
    async fn associated(id: u64, locks: &LockClient) -> Result<Self, LockError> {
        Ok(Self {
            id,
            locks: locks.clone(),
            sold: 0,
        })
    }
}

#[tokio::test]
async fn receivers() -> Result<(), LockError> {
    let locks = LockClient::in_memory();
    let mut shop = Shop::associated(3, &locks).await?;
    assert_eq!(shop.shared().await?, 3);
    assert_eq!(shop.exclusive(5).await?, 5);
    assert_eq!(shop.clone().owned().await?, 6);
    assert_eq!(Box::new(shop.clone()).boxed().await?, 5);
    assert_eq!(Pin::new(&mut shop.clone()).pinned().await?, 6);
    assert_eq!(shop.or_sold(1).await, 6);
    let held = locks.lock("shop:3").acquire().await?;
    assert_eq!(shop.or_sold(1).await, 5);
    held.release().await?;
    assert_eq!(Arc::new(shop).counted().await?, 5);
    Ok(())
}
