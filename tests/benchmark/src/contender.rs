//! What is measured: something that runs a section under a lock.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tests::clock;

use crate::alarm;

/// How long a lock lasts unless a row says otherwise: longer than any section.
pub(crate) const TTL: Duration = Duration::from_secs(10);

/// How long a waiter waits: longer than any slice.
pub(crate) const WAIT: Duration = Duration::from_mins(1);

/// When a section began and ended, on the clock that all processes share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

pub(crate) type Call<'a> = Pin<Box<dyn Future<Output = Result<Held, String>> + Send + 'a>>;

pub(crate) type Shared = Arc<dyn Contender>;

pub(crate) trait Contender: Send + Sync {
    fn name(&self) -> &'static str;

    /// Takes the lock, runs a section of this length and gives the lock back. An error says why this
    /// contender cannot do the row.
    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a>;
}

/// What is done under the lock.
pub(crate) async fn section(length: Duration) -> Held {
    let from = clock();
    if !length.is_zero() {
        alarm::after(length).await;
    }
    Held { from, to: clock() }
}
