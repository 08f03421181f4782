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

/// Extends at a third of the lease until the lock is lost or the guard aborts the task. What was passed on
/// begins with a claim.
pub(crate) async fn renew(held: Arc<Held>, ttl: Duration, claim: Option<Claim>) {
    let (mut since, mut lease) = match claim {
        Some(claim) => (claim.since, claim.length),
        // Counted from the SET, which may lie long back.
        None => (held.lease.deadline() - trusted(ttl), ttl),
    };
    while let Some(sent) = answered(&held, ttl, since, lease).await {
        (since, lease) = (sent, ttl);
    }
}

/// Extends a claim to a whole ttl, once. A lock that is given back before the third of its claim needs none.
pub(crate) async fn extend_claim(held: Arc<Held>, ttl: Duration, claim: Claim) {
    answered(&held, ttl, claim.since, claim.length).await;
}

/// Waits for the third of a lease and sends its extension, and sends it again until it is answered. Gives when
/// that one was sent; none if the lock is lost.
///
/// An extension is given another third: there must be time left to send it again.
async fn answered(held: &Held, ttl: Duration, since: Instant, lease: Duration) -> Option<Instant> {
    let patience = lease / 3;
    loop {
        tokio::select! {
            biased;
            () = held.lease.lost() => return None,
            () = sleep_until(since + lease / 3) => {}
        }
        let sent = Instant::now();
        match timeout(patience, extend(held, ttl, patience)).await {
            Ok(Ok(())) => return Some(sent),
            Ok(Err(error)) => {
                tracing::warn!(key = %held.key, %error, "the lease could not be extended, it is tried again until the deadline");
                // The check may lose the lease; without its answer the deadline decides.
                let _ = timeout(patience, held.check()).await;
                sleep(lease / 20).await;
            }
            Err(_) => {
                // Cut off, it could not tell.
                held.telling.extended(&held.key, Extension::Failed);
                tracing::warn!(key = %held.key, "an extension was not answered, it is sent again until the deadline");
            }
        }
    }
}
