use std::fmt::Display;

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

    #[distributed_lock(key = "provided:<user_id>", ttl = 10)]
    async fn provided(&self, user_id: u64) -> Result<u64, LockError> {
        tokio::task::yield_now().await;
        Ok(user_id)
    }
}

struct Wrapped<T>(T);

trait Generic<T> {
    async fn place(&self, with: T) -> Result<String, LockError>;
}

impl<S: Display + Sync, T: Display + Send + Sync> Generic<T> for Wrapped<S> {
    #[distributed_lock(key = "order:<self.0>:<with>", ttl = 10, guard = lock)]
    async fn place(&self, with: T) -> Result<String, LockError> {
        tokio::task::yield_now().await;
        Ok(format!("{} {with} {}", lock.key(), self.0))
    }
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
    #[tracing::instrument(skip(self))]
    async fn provided(&self, user_id: u64) -> Result<u64, LockError> {
        Ok(user_id)
    }

    #[distributed_lock(key = "only:<user_id>:<day>", ttl = 10, guard = lock, with(day = date.day))]
    async fn only_in_the_key(&self, user_id: u64, date: Date) -> Result<String, LockError> {
        Ok(lock.key().to_owned())
    }
}

struct Date {
    day: u8,
}

#[async_trait]
impl Boxed for Shop {
    #[tracing::instrument(skip(self))]
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
    assert_eq!(shop.locks.scope(Native::provided(&shop, 5)).await?, 5);
    let generic = shop.locks.scope(Wrapped("a").place(1));
    assert_eq!(generic.await?, "lock:order:a:1 1 a");
    let boxed: &dyn Boxed = &shop;
    assert_eq!(boxed.place(1, "x").await?, "lock:order:1:2 x 1 2");
    assert_eq!(shop.locks.scope(boxed.provided(4)).await?, 4);
    let only_in_the_key = boxed.only_in_the_key(4, Date { day: 1 });
    let key = shop.locks.scope(only_in_the_key).await?;
    assert_eq!(key, "lock:only:4:1");
    Ok(())
}
