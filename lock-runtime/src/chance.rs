//! Randomness, all from one source, and what labels tell of machine and clock: a simulation has to
//! replay both, and the length of a label decides where a message is cut.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// Evenly distributed in 0..1, from the source of randomness that tokens use.
pub(crate) fn jitter() -> f64 {
    let bits = u32::try_from(identity().as_u128() >> 96).unwrap_or(u32::MAX);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

/// What nobody else draws.
pub(crate) fn identity() -> Uuid {
    #[cfg(feature = "testing")]
    if let Some(bits) = seeded::next() {
        return uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid();
    }
    Uuid::new_v4()
}

/// Milliseconds since the Unix epoch. For the reader of a label alone.
pub(crate) fn wall_clock() -> u64 {
    #[cfg(feature = "testing")]
    if let Some(bits) = seeded::next() {
        return 1_700_000_000_000 + u64::try_from(bits % 1_000_000_000).unwrap_or(0);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

/// This process's number. For the reader of a label alone.
pub(crate) fn process() -> u32 {
    #[cfg(feature = "testing")]
    if seeded::is_on() {
        return 1;
    }
    std::process::id()
}

/// This machine's name. For the reader of a label alone.
pub(crate) fn host() -> String {
    #[cfg(feature = "testing")]
    if seeded::is_on() {
        return "simulated".to_owned();
    }
    gethostname::gethostname().to_string_lossy().into_owned()
}

#[cfg(feature = "testing")]
pub use seeded::seed;

#[cfg(feature = "testing")]
mod seeded {
    use std::cell::Cell;

    thread_local! {
        static STATE: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// From now on all that this thread draws follows from `seed`, or is random again.
    pub fn seed(seed: Option<u64>) {
        STATE.set(seed);
    }

    pub(super) fn is_on() -> bool {
        STATE.get().is_some()
    }

    pub(super) fn next() -> Option<u128> {
        let half = || {
            let state = STATE.get()?.wrapping_add(0x9E37_79B9_7F4A_7C15);
            STATE.set(Some(state));
            // `SplitMix64` (Steele, Lea and Flood, 2014).
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            Some(u128::from(mixed ^ (mixed >> 31)))
        };
        Some(half()? << 64 | half()?)
    }
}
