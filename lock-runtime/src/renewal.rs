//! Extending a lease in the background while its guard lives.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::guard::Held;
use crate::store::StoreError;
use crate::token::Ownership;

/// Extends at a third of the ttl until the lease is lost or the guard aborts the task.
pub(crate) async fn keep(held: Arc<Held>, ttl: Duration) {
    let mut next = Instant::now() + ttl / 3;
    loop {
        tokio::select! {
            biased;
            () = held.lease.lost() => return,
            () = sleep_until(next) => {}
        }
        let sent = Instant::now();
        match extend(&held, ttl).await {
            Ok(true) => {
                held.lease.extended(sent, ttl);
                next = sent + ttl / 3;
            }
            Ok(false) => {
                // The check only says who has it now; that we have not is certain.
                let found = held.inspect().await.unwrap_or(Ownership::Free);
                held.lease.refute(found);
                return;
            }
            Err(error) => {
                tracing::warn!(key = %held.key, %error, "an extension was not answered");
                match held.inspect().await {
                    Ok(Ownership::Mine) | Err(_) => sleep(ttl / 20).await,
                    Ok(found) => {
                        held.lease.refute(found);
                        return;
                    }
                }
            }
        }
    }
}

async fn extend(held: &Held, ttl: Duration) -> Result<bool, StoreError> {
    let session = held.shared.store.session().await?;
    session.extend(&held.key, &held.token, ttl).await
}
