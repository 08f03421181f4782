//! Extending a lease in the background while its guard lives.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::error::StoreError;
use crate::held::Held;
use crate::lease::trusted;

/// Asks on a second connection when the usual one has been silent for half the time: it may be a
/// black hole, which shows only after timeouts that a short lease cannot wait for.
async fn extend(held: &Held, ttl: Duration) -> Result<(), StoreError> {
    let mut usual = pin!(held.extend(ttl));
    if let Ok(answer) = timeout(ttl / 6, usual.as_mut()).await {
        return answer;
    }
    let elsewhere = pin!(held.extend_elsewhere(ttl));
    match select(usual, elsewhere).await {
        Either::Left((Err(_), other)) => other.await,
        Either::Right((Err(_), other)) => other.await,
        Either::Left((answer, _)) | Either::Right((answer, _)) => answer,
    }
}

/// Extends at a third of the ttl until the lease is lost or the guard aborts the task.
///
/// An extension is given another third: there must be time left to send it again.
pub(crate) async fn keep(held: Arc<Held>, ttl: Duration) {
    // Counted from the SET, which may lie long back.
    let mut next = held.lease.deadline() - trusted(ttl) + ttl / 3;
    loop {
        tokio::select! {
            biased;
            () = held.lease.lost() => return,
            () = sleep_until(next) => {}
        }
        let sent = Instant::now();
        match timeout(ttl / 3, extend(&held, ttl)).await {
            Ok(Ok(())) => next = sent + ttl / 3,
            Ok(Err(error)) => {
                tracing::warn!(key = %held.key, %error, "the lease could not be extended, it is tried again until the deadline");
                // The check may lose the lease; without its answer the deadline decides.
                let _ = timeout(ttl / 3, held.check()).await;
                sleep(ttl / 20).await;
            }
            Err(_) => {
                tracing::warn!(key = %held.key, "an extension was not answered, it is sent again until the deadline");
            }
        }
    }
}
