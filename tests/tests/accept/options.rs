use std::time::Duration;

use lock_runtime::{LockClient, LockError, Ownership, distributed_lock};

const TTL: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
struct Order {
    day: String,
}

impl Order {
    fn day(&self) -> &str {
        &self.day
    }
}

#[distributed_lock(
    key = "order:<day>:<n>",
    ttl = TTL,
    wait = Duration::from_millis(200),
    renew = "2h",
    on_lost = "finish",
    with(day = order.day(), n = order.day().len()),
    fence,
    guard = lock,
    or_else = |error| format!("{} {error}", order.day),
)]
async fn everything(order: Order) -> String {
    let check = lock.check().await;
    assert!(matches!(check, Ok(Ownership::Mine)));
    assert!(lock.fencing_token().is_some());
    format!(
        "{} {} {}",
        lock.key(),
        order.day(),
        lock.remaining() > TTL / 2
    )
}

fn skipped(_: LockError) -> Option<u64> {
    None
}

#[distributed_lock(key = "job:<name>", ttl = "30s", or_else = skipped)]
async fn skip_if_busy(name: &str) -> Option<u64> {
    tokio::task::yield_now().await;
    Some(name.len() as u64)
}

#[distributed_lock(key = "once:<name>", ttl = TTL, min_hold = TTL / 3, or_else = lock_runtime::skip)]
async fn once(name: &str) -> Option<usize> {
    Some(name.len())
}

#[distributed_lock(key = "job", ttl = duration, min_hold = "2s")]
async fn longer_than(duration: Duration) -> Result<(), LockError> {
    Ok(())
}

#[distributed_lock(key = "job", ttl = "1m", or_else = drop)]
async fn without_result() {
    tokio::task::yield_now().await;
}

struct Unclonable(u64);

#[distributed_lock(key = "job:<n>", ttl = 1, with(n = text.lock().map_or(0, |text| text.len())), or_else = |error| error.to_string())]
async fn names_of_its_own(error: Unclonable, text: &std::sync::Mutex<String>) -> String {
    let start = usize::from(error.0 == 0);
    text.lock()
        .map(|text| text[start..].to_owned())
        .unwrap_or_default()
}

#[distributed_lock(key = "job:<n>", ttl = 1, with(n = text.lock().unwrap().as_str()))]
async fn temporaries(text: &std::sync::Mutex<String>) -> Result<(), LockError> {
    drop(text.lock());
    Ok(())
}

#[distributed_lock(key = "job", ttl = 1, or_else = |error| Err(format!("{error}, {order:?}")))]
async fn captured(order: Order) -> Result<String, String> {
    tokio::task::yield_now().await;
    Ok(order.day)
}

#[distributed_lock(key = "job", ttl = 1, or_else = refuse)]
async fn given(refuse: impl FnOnce(LockError) -> u64 + Clone) -> u64 {
    tokio::task::yield_now().await;
    drop(refuse);
    1
}

#[distributed_lock(key = "job", ttl = duration)]
async fn from_argument(duration: Duration) -> Result<Duration, LockError> {
    Ok(duration)
}

#[tokio::test(start_paused = true)]
async fn options() -> Result<(), LockError> {
    let client = LockClient::in_memory();
    client
        .scope(async {
            let order = Order {
                day: "a:b".to_owned(),
            };
            assert_eq!(
                everything(order.clone()).await,
                "lock:order:a%3Ab:3 a:b true"
            );
            assert_eq!(captured(order.clone()).await.as_deref(), Ok("a:b"));
            assert_eq!(given(|_| 0).await, 1);
            let held = client.lock("order:a%3Ab:3").ttl(TTL).acquire().await?;
            let refused = everything(order).await;
            assert!(
                refused.starts_with("a:b lock `lock:order:a%3Ab:3` stayed busy for 200ms"),
                "{refused}"
            );
            held.release().await?;

            assert_eq!(skip_if_busy("x").await, Some(1));
            let held = client.lock("job:x").acquire().await?;
            assert_eq!(skip_if_busy("x").await, None);
            held.release().await?;
            without_result().await;
            assert_eq!((once("x").await, once("x").await), (Some(1), None));
            tokio::time::sleep(TTL / 3).await;
            assert_eq!(once("x").await, Some(1));
            let long = longer_than(Duration::from_secs(1)).await;
            assert!(matches!(long, Err(LockError::InvalidOptions { .. })));

            let text = std::sync::Mutex::new("x".to_owned());
            assert_eq!(names_of_its_own(Unclonable(1), &text).await, "x");
            temporaries(&text).await?;

            assert_eq!(from_argument(TTL).await?, TTL);
            let short = from_argument(Duration::from_millis(1)).await;
            assert!(matches!(short, Err(LockError::InvalidOptions { .. })));
            let of = concat!("`", module_path!(), "::from_argument`");
            assert_eq!(
                short.unwrap_err().to_string(),
                format!("invalid lock options: lock `job` of {of}: `ttl` is 1ms, it must be at least 10 ms")
            );
            let empty = client.lock("").acquire().await;
            assert!(matches!(empty, Err(LockError::InvalidKey { .. })));
            Ok(())
        })
        .await
}
