//! Extending a lease in the background while its guard lives.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::error::StoreError;
use crate::held::Held;
use crate::lease::{Claim, trusted};
use crate::observe::Extension;

/// Asks on a second connection when the usual one has been silent for half of `patience`: it may be a
/// black hole, which shows only after timeouts that a short lease cannot wait for.
async fn extend(held: &Held, ttl: Duration, patience: Duration) -> Result<(), StoreError> {
    let mut usual = pin!(held.extend(ttl));
    if let Ok(answer) = timeout(patience / 2, usual.as_mut()).await {
        return answer;
    }
    let elsewhere = pin!(held.extend_elsewhere(ttl));
    match select(usual, elsewhere).await {
        Either::Left((Err(_), other)) => other.await,
        Either::Right((Err(_), other)) => other.await,
        Either::Left((answer, _)) | Either::Right((answer, _)) => answer,
    }
}

/// Extends at a third of the lease until the lock is lost or the guard aborts the task; where it is not
/// to be renewed, a claim alone, and once.
///
/// An extension is given another third: there must be time left to send it again. A lock that is given
/// back before the third of its claim needs none.
pub(crate) async fn keep(held: Arc<Held>, ttl: Duration, claim: Option<Claim>, renews: bool) {
    let mut lease = claim.map_or(ttl, |claim| claim.length);
    // Counted from the SET, which may lie long back.
    let since = claim.map(|claim| claim.since);
    let mut next = since.unwrap_or_else(|| held.lease.deadline() - trusted(ttl)) + lease / 3;
    loop {
        tokio::select! {
            biased;
            () = held.lease.lost() => return,
            () = sleep_until(next) => {}
        }
        let sent = Instant::now();
        let patience = lease / 3;
        let extended = timeout(patience, extend(&held, ttl, patience)).await;
        if extended.is_err() {
            // Cut off, it could not tell.
            held.telling.extended(&held.key, Extension::Failed);
        }
        match extended {
            Ok(Ok(())) if !renews => return,
            Ok(Ok(())) => {
                lease = ttl;
                next = sent + lease / 3;
            }
            Ok(Err(error)) => {
                tracing::warn!(key = %held.key, %error, "the lease could not be extended, it is tried again until the deadline");
                // The check may lose the lease; without its answer the deadline decides.
                let _ = timeout(patience, held.check()).await;
                sleep(lease / 20).await;
            }
            Err(_) => {
                tracing::warn!(key = %held.key, "an extension was not answered, it is sent again until the deadline");
            }
        }
    }
}
