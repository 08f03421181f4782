//! Randomness, where it need not be unguessable but has to differ between processes.

use uuid::Uuid;

/// Evenly distributed in 0..1, from the source of randomness that tokens use.
pub(crate) fn jitter() -> f64 {
    let bits = u32::try_from(Uuid::new_v4().as_u128() >> 96).unwrap_or(u32::MAX);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}
