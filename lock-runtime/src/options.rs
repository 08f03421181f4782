//! What a call may ask of its lock, and the ranges.

use std::time::Duration;

use crate::error::LockError;

const MIN_TTL: Duration = Duration::from_millis(10);
const MAX_TTL: Duration = Duration::from_hours(24);
const MAX_WAIT: Duration = Duration::from_hours(24);
const MIN_RENEWED_TTL: Duration = Duration::from_millis(300);
const MAX_HOLD: Duration = Duration::from_hours(24 * 30);

/// The longest hold if `renew` does not say: 24 hours.
pub const DEFAULT_LONGEST_HOLD: Duration = Duration::from_hours(24);

/// What happens to a body that is still running when its lease is lost: `on_lost` of the attribute, or
/// [`LockRequest::on_lost`](crate::LockRequest::on_lost). See [`LockRequest`](crate::LockRequest) for an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLost {
    /// The body is dropped at the await point where it stands, and the call returns
    /// [`LockError::Lost`].
    #[default]
    Cancel,
    /// The body runs on. Its result counts only if the store still shows our token at its end.
    Finish,
}

/// The command that takes a lock. See [`LockRequest`](crate::LockRequest) for an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcquireForm {
    /// `SET key token NX GET PX ttl`: Redis 7.0 or later, Valkey. A server that refuses it is
    /// served by the script without being asked.
    #[default]
    Set,
    /// A Lua script: SETNX and PEXPIRE in one atomic step. For servers and proxies that mishandle
    /// `SET … NX GET` without refusing it.
    Script,
}

/// When a call of `#[distributed_lock]` whose body has ended in time returns: `release` of the attribute, or
/// [`LockClientBuilder::release`](crate::LockClientBuilder::release). See
/// [`LockClientBuilder`](crate::LockClientBuilder) for an example.
///
/// Whatever it is, a body that ended late waits for the answer of its release, which decides whether
/// its result stands, and so does [`LockGuard::release`](crate::LockGuard::release), whose caller asks
/// for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReleaseMode {
    /// When its release is answered, or one command deadline has passed: nothing is left behind, and a
    /// lock that was lost is told.
    #[default]
    Answered,
    /// When its release is queued: one round trip earlier. What that means:
    ///
    /// - The client's own next call for the key goes behind the release, and does not find it busy.
    ///   Another process may, for one round trip more.
    /// - A lock that somebody stole while the body ran is learnt of too late for the result: it is an
    ///   event of `tracing` (a warning), and counted by
    ///   [`LockClient::lost_after_return`](crate::LockClient::lost_after_return). The same goes for a
    ///   guard held by hand that is dropped in time.
    /// - A process that ends without [`LockClient::shutdown`](crate::LockClient::shutdown), which waits
    ///   for it, may leave the lock to its ttl.
    Background,
}

/// Everything a call asks of its lock beside the key.
///
/// ```
/// use std::time::Duration;
/// use lock_runtime::{DEFAULT_LONGEST_HOLD, LockClient, LockOptions};
///
/// let mut options = LockOptions::new(Duration::from_secs(10));
/// options.wait = Duration::from_secs(2);
/// options.validate()?;
/// let request = LockClient::in_memory().lock("order:42").options(options.clone());
///
/// options.renew = Some(DEFAULT_LONGEST_HOLD);
/// options.ttl = Duration::from_hours(25);
/// assert!(options.validate().is_err());
/// # Ok::<(), lock_runtime::LockError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockOptions {
    /// Time to live of the lease, 10 ms to 24 h; fractions of a millisecond are cut off.
    pub ttl: Duration,
    /// How long to wait while the lock is busy, up to 24 h. Zero: try once.
    pub wait: Duration,
    /// Longest hold of a renewed lease, longer than `ttl` and at most 30 days; at its end the lock is
    /// lost. Needs a `ttl` of at least 300 ms. `None`: no renewal.
    pub renew: Option<Duration>,
    /// How long the key stays at least, from the acquisition on, however soon the lock is given back; at
    /// most `ttl`. Zero: no longer than it is held.
    pub min_hold: Duration,
    /// What happens to the body when the lease is lost.
    pub on_lost: OnLost,
    /// Whether the acquisition draws a fencing token, by a script of its own whatever `form` says.
    pub fence: bool,
    /// The command that takes the lock; `None` for the client's.
    pub form: Option<AcquireForm>,
    /// When a call whose body ended in time returns; `None` for the client's.
    pub release: Option<ReleaseMode>,
}

impl LockOptions {
    /// A lease of `ttl`: tried once, not renewed, not fenced, [`OnLost::Cancel`].
    #[must_use]
    pub const fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            wait: Duration::ZERO,
            renew: None,
            min_hold: Duration::ZERO,
            on_lost: OnLost::Cancel,
            fence: false,
            form: None,
            release: None,
        }
    }

    /// Checks the ranges. Every acquire does so by itself.
    ///
    /// # Errors
    ///
    /// [`LockError::InvalidOptions`] naming the option and its range.
    pub fn validate(&self) -> Result<(), LockError> {
        let Self {
            ttl,
            wait,
            renew,
            min_hold,
            ..
        } = *self;
        if ttl < MIN_TTL {
            return Err(LockError::options(format!(
                "`ttl` is {ttl:?}, it must be at least 10 ms"
            )));
        }
        if ttl > MAX_TTL {
            return Err(LockError::options(format!(
                "`ttl` is {ttl:?}, it must be at most 24 h; use `renew` for long work"
            )));
        }
        if wait > MAX_WAIT {
            return Err(LockError::options(format!(
                "`wait` is {wait:?}, it must be at most 24 h"
            )));
        }
        if min_hold > ttl {
            return Err(LockError::options(format!(
                "`min_hold` is {min_hold:?}, it must be at most `ttl` ({ttl:?})"
            )));
        }
        let Some(hold) = renew else { return Ok(()) };
        if ttl < MIN_RENEWED_TTL {
            return Err(LockError::options(format!(
                "`renew` needs `ttl` of at least 300 ms, it is {ttl:?}: a third of it must outlast a round trip"
            )));
        }
        if hold <= ttl || hold > MAX_HOLD {
            return Err(LockError::options(format!(
                "the longest hold is {hold:?}, it must be longer than `ttl` ({ttl:?}) and at most 30 days"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(options: &LockOptions, word: &str) {
        let error = options.validate().expect_err("out of range").to_string();
        assert!(error.contains(word), "{error}");
    }

    #[test]
    fn ranges() {
        let ttl = |ttl| LockOptions::new(ttl);
        assert!(ttl(MIN_TTL).validate().is_ok());
        assert!(ttl(MAX_TTL).validate().is_ok());
        refused(&ttl(Duration::ZERO), "`ttl`");
        refused(&ttl(Duration::from_micros(9_999)), "10 ms");
        refused(&ttl(MAX_TTL + Duration::from_millis(1)), "24 h");
        refused(&ttl(Duration::MAX), "24 h");
        let second = LockOptions::new(Duration::from_secs(1));
        refused(
            &LockOptions {
                wait: Duration::MAX,
                ..second.clone()
            },
            "`wait`",
        );
        let min_hold = |min_hold| LockOptions {
            min_hold,
            ..second.clone()
        };
        assert!(min_hold(second.ttl).validate().is_ok());
        refused(
            &min_hold(second.ttl + Duration::from_nanos(1)),
            "`min_hold`",
        );
        refused(
            &LockOptions {
                renew: Some(Duration::from_secs(1)),
                ..second.clone()
            },
            "longest hold",
        );
        refused(
            &LockOptions {
                renew: Some(Duration::MAX),
                ..second.clone()
            },
            "longest hold",
        );
        let short = LockOptions {
            renew: Some(MAX_TTL),
            ..ttl(Duration::from_millis(299))
        };
        refused(&short, "300 ms");
        assert!(
            LockOptions {
                renew: Some(MAX_TTL),
                ..second
            }
            .validate()
            .is_ok()
        );
    }
}
