//! A lock that stays at its key for a while when it is given back.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::job::Carrier;
use crate::store::LockSession;

pub(crate) struct Stay {
    pub(crate) until: Instant,
    /// Where an extension may still be under way: what shortens the lock has to come behind it.
    pub(crate) extended_on: Vec<Arc<dyn LockSession>>,
}

impl Stay {
    /// Until when, once every session on which it has to be said is among the `carriers`.
    pub(super) fn carried_by(self, carriers: &mut Vec<Carrier>) -> Instant {
        for session in self.extended_on {
            let known = carriers
                .iter()
                .any(|carrier| Arc::ptr_eq(&carrier.session, &session));
            if !known {
                carriers.push(Carrier {
                    session,
                    unanswered: 1,
                    extends: true,
                });
            }
        }
        self.until
    }
}

/// What remains until then, in the milliseconds of the store; none if nothing does.
pub(super) fn left(until: Option<Instant>) -> Option<Duration> {
    const MILLISECOND: u128 = 1_000_000;
    let left = until?.saturating_duration_since(Instant::now());
    // Rounded up: a key that is to stay for no time is deleted.
    let left = left.as_nanos().div_ceil(MILLISECOND);
    let left = Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX));
    (!left.is_zero()).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_never_less_than_a_millisecond() {
        let in_nanos = |nanos| Some(Instant::now() + Duration::from_nanos(nanos));
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(left(in_nanos(1)), millis(1));
        assert_eq!(left(in_nanos(2_000_000)), millis(2));
        assert_eq!(left(in_nanos(2_000_001)), millis(3));
        assert_eq!((left(in_nanos(0)), left(None)), (None, None));
    }
}
