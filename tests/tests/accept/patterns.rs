use std::sync::atomic::{AtomicUsize, Ordering};

use lock_runtime::{LockClient, LockError, LockGuard, MemoryStore, distributed_lock};

use crate::with_locks;

struct Path<T>(T);

struct Order {
    id: u64,
    lines: (u64, u64),
}

#[distributed_lock(key = "order:<id>", ttl = 10, guard = lock)]
async fn extractor(Path(id): Path<u64>) -> Result<String, LockError> {
    Ok(format!("{} {id}", lock.key()))
}

#[distributed_lock(key = "order:<a>:<c>:<last>", ttl = 10, guard = lock)]
async fn nested(((a, b), [c, .., last]): ((u64, u64), [u64; 3])) -> Result<String, LockError> {
    let key = lock.key();
    Ok(format!("{key} {}", a + b + c + last))
}

#[distributed_lock(key = "order:<order.id>:<order.lines.1>", ttl = 10, guard = lock)]
async fn fields(order: Order) -> Result<String, LockError> {
    Ok(format!("{} {}", lock.key(), order.lines.0))
}

#[distributed_lock(key = "order:<count>", ttl = 10)]
async fn mutable(mut count: u64, text: &mut String) -> Result<u64, LockError> {
    count += 1;
    text.push('!');
    Ok(count)
}

#[distributed_lock(key = "order:<lines.0>:<count>", ttl = 10)]
async fn by_reference(
    Order { ref lines, .. }: Order,
    mut count: u64,
    text: Option<&mut String>,
) -> Result<u64, LockError> {
    count += lines.1;
    if let Some(text) = text {
        text.push('?');
    }
    Ok(count)
}

#[distributed_lock(key = "order", ttl = 10)]
async fn ignored(_: u64, _unused: String) -> Result<(), LockError> {
    tokio::task::yield_now().await;
    Ok(())
}

#[distributed_lock(key = "order:<user_id>", ttl = 10)]
async fn key_only(user_id: u64) -> Result<(), LockError> {
    tokio::task::yield_now().await;
    Ok(())
}

#[distributed_lock(key = "order:<user_id>", ttl = 10)]
async fn conditional(
    user_id: u64,
    #[cfg(any())] missing: u64,
    #[cfg(test)] there: u64,
) -> Result<u64, LockError> {
    Ok(user_id + there)
}

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn configured_out(id: u64, #[cfg(any())] _debug: bool) -> Result<u64, LockError> {
    Ok(id)
}

#[distributed_lock(key = "job", ttl = 10)]
async fn partly_used(pair: (Noisy<'_>, u64)) -> Result<u64, LockError> {
    Ok(pair.1)
}

#[distributed_lock(key = "job", ttl = 10)]
async fn outlived(_tx: Noisy<'_>, guard: &LockGuard) -> Result<(), LockError> {
    assert!(!guard.remaining().is_zero());
    Ok(())
}

#[distributed_lock(key = "job", ttl = 10, or_else = |error| Err(format!("{error} {}", order.id)))]
async fn only_refused(order: Shared<'_>) -> Result<u64, String> {
    tokio::task::yield_now().await;
    Ok(1)
}

#[derive(Clone)]
struct Shared<'a> {
    id: u64,
    _noisy: std::sync::Arc<Noisy<'a>>,
}

/// Tells what the store holds when it is dropped.
struct Noisy<'a>(&'a MemoryStore, &'a AtomicUsize);

impl Drop for Noisy<'_> {
    fn drop(&mut self) {
        self.1.store(self.0.keys().len(), Ordering::Relaxed);
    }
}

impl Noisy<'_> {
    #[distributed_lock(key = "job", ttl = 10)]
    async fn unmentioned(self) -> Result<u64, LockError> {
        tokio::task::yield_now().await;
        Ok(1)
    }
}

#[tokio::test]
async fn patterns() -> Result<(), LockError> {
    with_locks(async {
        assert_eq!(extractor(Path(7)).await?, "lock:order:7 7");
        assert_eq!(nested(((1, 2), [3, 4, 5])).await?, "lock:order:1:3:5 11");
        let order = Order {
            id: 1,
            lines: (2, 3),
        };
        assert_eq!(fields(order).await?, "lock:order:1:3 2");
        let mut text = String::new();
        assert_eq!(mutable(1, &mut text).await?, 2);
        let order = Order {
            id: 1,
            lines: (2, 3),
        };
        assert_eq!(by_reference(order, 4, Some(&mut text)).await?, 7);
        assert_eq!(text, "!?");
        ignored(1, String::new()).await?;
        key_only(1).await?;
        assert_eq!(conditional(1, 2).await?, 3);
        assert_eq!(configured_out(1).await?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn arguments_are_dropped_before_the_lock_is_given_up() -> Result<(), LockError> {
    let memory = MemoryStore::new();
    let client = LockClient::builder().store(memory.clone())?;
    let guard = client.lock("other").acquire().await?;
    let seen = AtomicUsize::new(0);
    let noisy = || Noisy(&memory, &seen);
    client.scope(outlived(noisy(), &guard)).await?;
    assert_eq!(seen.swap(0, Ordering::Relaxed), 2);
    client.scope(partly_used((noisy(), 1))).await?;
    assert_eq!(seen.swap(0, Ordering::Relaxed), 2);
    client.scope(noisy().unmentioned()).await?;
    assert_eq!(seen.swap(0, Ordering::Relaxed), 2);
    let shared = Shared {
        id: 1,
        _noisy: std::sync::Arc::new(noisy()),
    };
    assert_eq!(client.scope(only_refused(shared)).await, Ok(1));
    assert_eq!(seen.swap(0, Ordering::Relaxed), 2);
    Ok(())
}
