//! Waiting for what has to come.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Waits until a condition holds, and says how long that took.
///
/// # Panics
///
/// If it does not hold within that time.
pub async fn until(within: Duration, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let asked = Instant::now();
    while !holds().await {
        assert!(asked.elapsed() < within, "it does not come true in time");
        sleep(Duration::from_millis(2)).await;
    }
    asked.elapsed()
}
