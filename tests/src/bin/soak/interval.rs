//! When a worker believed that it held a lock, and who else did.

/// From the grant to the earlier of the release and the deadline, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Since when the lease counts: before the server took the lock, at the latest.
    pub(crate) since: u64,
    pub(crate) serial: u64,
    pub(crate) call: u64,
}

/// A time during which the server died with its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// Two that held one lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overlap {
    pub(crate) first: Interval,
    pub(crate) second: Interval,
    /// Whether the server forgot the older lease before the newer one was granted.
    pub(crate) after_loss: bool,
}

/// Every two intervals of one key that overlap.
pub(crate) fn overlaps(intervals: &[Interval], losses: &[Loss]) -> Vec<Overlap> {
    let mut sorted: Vec<Interval> = intervals.to_vec();
    sorted.sort_by_key(|interval| interval.from);
    let mut open: Vec<Interval> = Vec::new();
    let mut found = Vec::new();
    for second in sorted.into_iter().filter(|one| one.from < one.to) {
        open.retain(|first| first.to > second.from);
        for first in &open {
            // The answer to the older lease may have been under way while the server died and another
            // took the lock: who began first is not who took it first.
            let (older, newer) = if first.since <= second.since {
                (first, &second)
            } else {
                (&second, first)
            };
            let between = |loss: &Loss| older.since <= loss.to && loss.from <= newer.from;
            found.push(Overlap {
                first: *first,
                second,
                after_loss: losses.iter().any(between),
            });
        }
        open.push(second);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(serial: u64, from: u64, to: u64) -> Interval {
        Interval {
            from,
            to,
            since: from - 1,
            serial,
            call: 0,
        }
    }

    #[test]
    fn neighbours_do_not_overlap_and_others_do() {
        let (a, b) = (interval(1, 10, 20), interval(2, 20, 30));
        assert_eq!(overlaps(&[b, a], &[]), []);
        let late = interval(3, 29, 40);
        let found = overlaps(&[late, b, a], &[]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].first, found[0].second), (b, late));
        assert!(!found[0].after_loss);
        let long = interval(4, 5, 50);
        assert_eq!(overlaps(&[a, b, long], &[]).len(), 2);
        assert_eq!(overlaps(&[interval(5, 15, 15), a], &[]), []);
    }

    #[test]
    fn only_a_loss_between_the_two_grants_explains_an_overlap() {
        let (a, b) = (interval(1, 10, 20), interval(2, 15, 30));
        let explained = |from, to| overlaps(&[a, b], &[Loss { from, to }])[0].after_loss;
        assert!(explained(12, 13));
        // The command had run before the server died, its answer was read after it.
        assert!(explained(8, 9));
        assert!(!explained(2, 3));
        assert!(!explained(16, 17));
    }

    #[test]
    fn a_lease_whose_answer_was_late_is_the_older_one() {
        let mut late = interval(2, 15, 16);
        late.since = 3;
        let explained = |from, to| overlaps(&[interval(1, 10, 20), late], &[Loss { from, to }])[0];
        assert!(explained(5, 6).after_loss);
        assert!(!explained(1, 2).after_loss);
        assert!(!explained(11, 12).after_loss);
    }
}
