//! Lints that are off by default and that people turn on: none may speak of generated code.

#![deny(
    elided_lifetimes_in_paths,
    let_underscore_drop,
    single_use_lifetimes,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    clippy::absolute_paths,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    clippy::default_numeric_fallback,
    clippy::empty_loop,
    clippy::expect_used,
    clippy::let_underscore_must_use,
    clippy::let_underscore_untyped,
    clippy::min_ident_chars,
    clippy::pattern_type_mismatch,
    clippy::shadow_reuse,
    clippy::shadow_same,
    clippy::shadow_unrelated,
    clippy::unreachable,
    clippy::unwrap_used
)]

use std::sync::Arc;
use std::time::Duration;

use lock_runtime::{LockClient, LockError, distributed_lock};
use tokio::task::yield_now;

#[distributed_lock(
    key = "order:<user_id>:<length>",
    ttl = Duration::from_secs(1),
    wait = "5s",
    renew = "2h",
    on_lost = "finish",
    with(length = names.len()),
    guard = lock,
    or_else = |error| format!("{names:?} {error}"),
    client = locks,
)]
async fn everything(
    user_id: u64,
    names: Arc<[String]>,
    locks: &LockClient,
    _later: String,
) -> String {
    yield_now().await;
    format!("{} {user_id} {}", lock.key(), names.len())
}

#[distributed_lock(key = "order:<user_id>", ttl = 10)]
async fn plain(user_id: &str, _: String) -> Result<&str, LockError> {
    yield_now().await;
    Ok(user_id)
}

#[distributed_lock(key = "job:<name>", ttl = 10, min_hold = "5s", or_else = lock_runtime::skip)]
async fn job(name: &str) -> Option<usize> {
    yield_now().await;
    Some(name.len())
}

#[tokio::test]
async fn lints() -> Result<(), LockError> {
    let locks = LockClient::in_memory();
    let names = Arc::from(["Ada".to_owned()]);
    let done = everything(1, names, &locks, String::new()).await;
    assert_eq!(done, "lock:order:1:1 1 1");
    assert_eq!(locks.scope(plain("a", String::new())).await?, "a");
    assert_eq!(locks.scope(job("a")).await, Some(1));
    Ok(())
}
