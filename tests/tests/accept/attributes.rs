use lock_runtime::{LockError, distributed_lock};

use crate::with_locks;

/// Its documentation stays.
#[distributed_lock(key = "order:<id>", ttl = 10)]
#[allow(clippy::let_and_return)]
#[must_use]
pub(crate) async fn documented(id: u64) -> Result<u64, LockError> {
    let result = Ok(id);
    result
}

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn inner_attribute(id: u64) -> Result<u64, LockError> {
    #![allow(clippy::let_and_return)]
    let result = Ok(id);
    result
}

#[tracing::instrument]
#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn instrumented_above(id: u64) -> Result<u64, LockError> {
    tokio::task::yield_now().await;
    Ok(id)
}

#[distributed_lock(key = "order:<id>", ttl = 10)]
#[tracing::instrument]
async fn instrumented_below(id: u64) -> Result<u64, LockError> {
    tokio::task::yield_now().await;
    Ok(id)
}

#[tokio::test]
async fn attributes() -> Result<(), LockError> {
    with_locks(async {
        assert_eq!(documented(1).await?, 1);
        assert_eq!(inner_attribute(1).await?, 1);
        assert_eq!(instrumented_above(1).await?, 1);
        assert_eq!(instrumented_below(1).await?, 1);
        Ok(())
    })
    .await
}
