//! Lengths of time for people.

use std::time::Duration;

/// At most two units: `850ms`, `3.2s`, `4m05s`, `2h03m`, `12d04h`.
pub(crate) fn short(length: Duration) -> String {
    let seconds = length.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if seconds == 0 {
        format!("{}ms", length.as_millis())
    } else if minutes == 0 {
        format!("{seconds}.{}s", length.subsec_millis() / 100)
    } else if hours == 0 {
        format!("{minutes}m{:02}s", seconds % 60)
    } else if days == 0 {
        format!("{hours}h{:02}m", minutes % 60)
    } else {
        format!("{days}d{:02}h", hours % 24)
    }
}

/// Whole milliseconds.
pub(crate) fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_are_enough() {
        for (millis, text) in [
            (0, "0ms"),
            (850, "850ms"),
            (3_249, "3.2s"),
            (245_000, "4m05s"),
            (7_380_000, "2h03m"),
            (1_051_200_000, "12d04h"),
        ] {
            assert_eq!(short(Duration::from_millis(millis)), text);
        }
        assert!(short(Duration::MAX).len() < 30);
    }
}
