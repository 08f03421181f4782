//! The clock that all processes of a machine share, in numbers that can be sent.

use std::time::Duration;

/// Microseconds of the monotonic clock, by which the runtime counts its leases, too.
pub(crate) fn now() -> u64 {
    micros(tests::clock())
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
