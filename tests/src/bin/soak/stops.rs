//! When which worker was stopped.

use std::collections::HashMap;

#[derive(Debug, Default)]
pub(crate) struct Stops(HashMap<u64, Vec<Stop>>);

#[derive(Debug, Clone, Copy)]
struct Stop {
    from: u64,
    /// The end of time while it lasts.
    to: u64,
}

impl Stops {
    pub(crate) fn begin(&mut self, serial: u64, from: u64) {
        let to = u64::MAX;
        self.0.entry(serial).or_default().push(Stop { from, to });
    }

    pub(crate) fn end(&mut self, serial: u64, to: u64) {
        if let Some(stop) = self.0.get_mut(&serial).and_then(|stops| stops.last_mut()) {
            stop.to = stop.to.min(to);
        }
    }

    /// How much of the time from `from` to `to` it was stopped.
    pub(crate) fn within(&self, serial: u64, from: u64, to: u64) -> u64 {
        let stops = self.0.get(&serial).into_iter().flatten();
        stops
            .map(|stop| stop.to.min(to).saturating_sub(stop.from.max(from)))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_within_counts() {
        let mut stops = Stops::default();
        stops.begin(1, 10);
        stops.end(1, 20);
        stops.begin(1, 40);
        assert_eq!(stops.within(1, 0, 15), 5);
        assert_eq!(stops.within(1, 15, 30), 5);
        assert_eq!(stops.within(1, 20, 40), 0);
        assert_eq!(stops.within(1, 0, 50), 20);
        assert_eq!(stops.within(2, 0, 50), 0);
    }
}
