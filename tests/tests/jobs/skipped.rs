//! `or_else = skip`: what is busy is left out, and whatever else fails is told.

use std::time::Duration;

use lock_runtime::testing::LockDouble;
use lock_runtime::{LockError, distributed_lock, skip};
use tests::Events;
use tokio::time::sleep;
use tracing::Level;
use tracing::instrument::WithSubscriber;

#[derive(Debug)]
struct JobError(LockError);

impl From<LockError> for JobError {
    fn from(error: LockError) -> Self {
        Self(error)
    }
}

#[distributed_lock(key = "job", ttl = 10, or_else = skip)]
async fn nothing() {
    sleep(Duration::from_secs(1)).await;
}

#[distributed_lock(key = "job", ttl = 10, or_else = skip)]
async fn number() -> Option<u64> {
    Some(7)
}

#[distributed_lock(key = "job", ttl = 10, or_else = skip)]
async fn result() -> Result<(), JobError> {
    Ok(())
}

#[distributed_lock(key = "job", ttl = 10, wait = 1, or_else = lock_runtime::skip)]
async fn both() -> Result<Option<u64>, JobError> {
    Ok(Some(7))
}

#[tokio::test(start_paused = true)]
async fn a_free_job_runs_and_a_busy_one_is_left_out() {
    let double = LockDouble::new();
    let warnings = Events::of(Level::WARN);
    let calls = double.client().scope(async {
        nothing().await;
        assert_eq!(number().await, Some(7));
        assert!(result().await.is_ok());
        assert_eq!(both().await.expect("free"), Some(7));
        assert_eq!(double.acquired("job"), 4);

        double.busy("job", "another");
        nothing().await;
        assert_eq!(number().await, None);
        assert!(result().await.is_ok());
        // It stays busy for the whole wait.
        assert_eq!(both().await.expect("left out"), None);
        assert_eq!(double.acquired("job"), 4);
    });
    calls.with_subscriber(warnings.clone()).await;
    assert_eq!(warnings.told(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_else_fails_is_told_or_logged() {
    let double = LockDouble::new();
    let warnings = Events::of(Level::WARN);
    let calls = double.client().scope(async {
        double.lose_after("job", Duration::from_millis(500));
        nothing().await;
        let lost = warnings.told();
        assert!(lost.len() == 1 && lost[0].contains("lost"), "{lost:?}");

        double.down();
        assert_eq!(number().await, None);
        let told = warnings.told();
        assert!(
            told.len() == 2 && told[1].contains("`lock:job`"),
            "{told:?}"
        );
        let error = result().await.expect_err("no server");
        assert!(matches!(error.0, LockError::Backend { .. }), "{error:?}");
        let error = both().await.expect_err("no server");
        assert!(matches!(error.0, LockError::Backend { .. }), "{error:?}");
        assert_eq!(warnings.told().len(), 2);
    });
    calls.with_subscriber(warnings.clone()).await;
}
