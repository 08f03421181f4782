use async_trait::async_trait;
use lock_runtime::{LockClient, LockError, distributed_lock};

struct Shop {
    locks: LockClient,
    id: u64,
}

trait Native {
    fn place(
        &self,
        user_id: u64,
    ) -> impl std::future::Future<Output = Result<u64, LockError>> + Send;
}

impl Native for Shop {
    #[distributed_lock(key = "order:<user_id>", ttl = 10, client = self.locks)]
    async fn place(&self, user_id: u64) -> Result<u64, LockError> {
        tokio::task::yield_now().await;
        Ok(user_id + self.id)
    }
}

#[async_trait]
trait Boxed: Sync {
    async fn place(&self, user_id: u64, name: &str) -> Result<String, LockError>;

    #[distributed_lock(key = "provided:<user_id>", ttl = 10)]
    async fn provided(&self, user_id: u64) -> Result<u64, LockError> {
        Ok(user_id)
    }
}

#[async_trait]
impl Boxed for Shop {
    #[distributed_lock(key = "order:<user_id>:<self.id>", ttl = 10, client = self.locks, guard = lock)]
    async fn place(&self, user_id: u64, name: &str) -> Result<String, LockError> {
        tokio::task::yield_now().await;
        Ok(format!("{} {name} {user_id} {}", lock.key(), self.id))
    }
}

#[tokio::test]
async fn traits() -> Result<(), LockError> {
    let shop = Shop {
        locks: LockClient::in_memory(),
        id: 2,
    };
    assert_eq!(Native::place(&shop, 1).await?, 3);
    let boxed: &dyn Boxed = &shop;
    assert_eq!(boxed.place(1, "x").await?, "lock:order:1:2 x 1 2");
    assert_eq!(shop.locks.scope(boxed.provided(4)).await?, 4);
    Ok(())
}
