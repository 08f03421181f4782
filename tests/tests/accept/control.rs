use lock_runtime::{LockError, distributed_lock};

use crate::{OrderError, with_locks};

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn question_mark(
    id: u64,
    text: &str,
) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    let more: u64 = text.parse()?;
    Ok(id + more)
}

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn early(id: u64) -> Result<u64, OrderError> {
    if id == 0 {
        return Err(OrderError::Empty);
    }
    tokio::task::yield_now().await;
    Ok(id)
}

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn looping(mut id: u64) -> Result<u64, LockError> {
    loop {
        id += 1;
        if id > 10 {
            break Ok(id);
        }
        tokio::task::yield_now().await;
    }
}

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn diverging(id: u64) -> Result<u64, LockError> {
    panic!("{id}");
}

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn unfinished(id: u64) -> Result<Vec<u64>, LockError> {
    tokio::task::yield_now().await;
    todo!()
}

#[distributed_lock(key = "queue", ttl = 10, or_else = |error| std::panic::panic_any(error))]
async fn endless() -> ! {
    loop {
        tokio::task::yield_now().await;
    }
}

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn recursive(id: u64) -> Result<u64, LockError> {
    if id == 0 {
        return Ok(0);
    }
    Ok(Box::pin(recursive(id - 1)).await? + id)
}

#[tokio::test]
async fn control() {
    with_locks(async {
        assert_eq!(question_mark(1, "2").await.ok(), Some(3));
        assert!(question_mark(1, "x").await.is_err());
        assert!(matches!(early(0).await, Err(OrderError::Empty)));
        assert_eq!(early(1).await.ok(), Some(1));
        assert_eq!(looping(1).await.ok(), Some(11));
        assert_eq!(recursive(3).await.ok(), Some(6));
        let never = tokio::time::timeout(std::time::Duration::ZERO, endless());
        assert!(never.await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_panic_passes_through_and_releases() -> Result<(), LockError> {
    let client = lock_runtime::LockClient::in_memory();
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.scope(diverging(1)).await }
    });
    assert!(call.await.is_err_and(|error| error.is_panic()));
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.scope(unfinished(1)).await }
    });
    assert!(call.await.is_err_and(|error| error.is_panic()));
    client.lock("order:1").acquire().await?.release().await?;
    Ok(())
}
