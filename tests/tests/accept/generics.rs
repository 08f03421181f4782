use std::fmt::{Debug, Display};

use lock_runtime::{LockError, LockGuard, distributed_lock};

use crate::with_locks;

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn generic<T, const N: usize>(id: T, items: [u64; N]) -> Result<(String, usize), LockError>
where
    T: Display + Debug + Sync + Send,
{
    Ok((format!("{id:?}"), items.len()))
}

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn borrowed<'a>(id: &'a str, other: &str) -> Result<&'a str, LockError> {
    Ok(if other.is_empty() { id } else { &id[..1] })
}

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn opaque(id: impl Display + Send + Sync) -> Result<impl Iterator<Item = char>, LockError> {
    Ok(id.to_string().into_bytes().into_iter().map(char::from))
}

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn callbacks(
    id: u64,
    add: impl Fn(u64) -> u64 + Send,
    show: &(dyn Fn(u64) -> String + Sync),
) -> Result<String, LockError> {
    tokio::task::yield_now().await;
    Ok(show(add(id)))
}

#[distributed_lock(key = "order:<id>", ttl = 10, guard = lock)]
async fn unsized_value(id: &str) -> Result<usize, LockError> {
    fn length(lock: &LockGuard) -> usize {
        lock.key().len()
    }
    Ok(length(lock) + id.len())
}

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn captured<'a, T: Display + Sync>(
    id: &'a str,
    more: &T,
) -> Result<impl Iterator<Item = char> + use<'a, T>, LockError> {
    tokio::task::yield_now().await;
    Ok(id.chars().skip(more.to_string().len()))
}

#[distributed_lock(key = "order:<N>", ttl = 10, with(N = N))]
async fn constant<const N: usize>(items: [u64; N]) -> Result<u64, LockError> {
    tokio::task::yield_now().await;
    Ok(items.iter().sum())
}

#[distributed_lock(key = "order:<id>", ttl = 10, or_else = |_| std::future::ready(0))]
async fn future(id: u64) -> std::future::Ready<u64> {
    std::future::ready(id)
}

type Fallible<T> = Result<T, LockError>;

#[distributed_lock(key = "order:<id>", ttl = 10)]
async fn aliased(id: u64) -> Fallible<u64> {
    Ok(id)
}

#[tokio::test]
async fn generics() -> Result<(), LockError> {
    with_locks(async {
        assert_eq!(generic("a", [1, 2]).await?, ("\"a\"".to_owned(), 2));
        assert_eq!(borrowed("abc", "x").await?, "a");
        assert_eq!(opaque("abc").await?.collect::<String>(), "abc");
        assert_eq!(callbacks(1, |n| n + 1, &|n| n.to_string()).await?, "2");
        assert_eq!(unsized_value("ab").await?, 15);
        assert_eq!(captured("abc", &1).await?.collect::<String>(), "bc");
        assert_eq!(constant([1, 2]).await?, 3);
        assert_eq!(future(1).await.await, 1);
        assert_eq!(aliased(1).await?, 1);
        Ok(())
    })
    .await
}
