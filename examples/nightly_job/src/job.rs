//! The job, and when it runs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lock_runtime::{LockError, distributed_lock, skip};
use tokio::time::sleep;

use crate::message::Message;

/// "0 0 3 * * *" would be nightly; here a night has two seconds.
pub(crate) const SCHEDULE: &str = "*/2 * * * * *";
pub(crate) const TICK: Duration = Duration::from_secs(2);

/// Hosts do not look at their clocks at the same moment: this scheduler does so every 500 ms.
pub(crate) const MIN_HOLD: Duration = Duration::from_secs(1);

const WORK: Duration = Duration::from_millis(250);

/// One host runs it, and the others leave it out. Its key outlasts the spread of their clocks
/// (`min_hold`), and that of a host that died is gone by the next tick (`ttl`).
#[distributed_lock(key = "job:report", ttl = "1300ms", min_hold = MIN_HOLD, or_else = skip)]
pub(crate) async fn report(tick: u64) -> Result<Option<u64>, LockError> {
    Message::Begins(tick).tell();
    sleep(WORK).await;
    Message::Done(tick).tell();
    Ok(Some(tick))
}

/// The number of the tick that belongs to this moment.
pub(crate) fn tick() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs() / TICK.as_secs()
}
