//! What came of it, for people and for whoever reads the last line.

use std::fmt;
use std::time::Duration;

use crate::arguments::Mode;
use crate::changes::Changes;
use crate::interval::Overlap;
use crate::ledger::Ledger;
use crate::nemesis::Deeds;
use crate::orphans::Orphans;
use crate::table::{self, Row, figure};

/// Of each kind of violation, how many are told in words.
const TOLD: usize = 8;

/// The figures of the last line, and what explains them.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) mode: Mode,
    pub(crate) seed: u64,
    pub(crate) time: Duration,
    pub(crate) sections: u64,
    pub(crate) lost: u64,
    pub(crate) overlaps: usize,
    pub(crate) overlaps_after_loss: usize,
    pub(crate) late_polls: u64,
    pub(crate) orphans: usize,
    pub(crate) stuck: u64,
    pub(crate) pauses: u64,
    pub(crate) kills: u64,
    pub(crate) restarts: u64,
    pub(crate) handed_over: u64,
    pub(crate) passed_on: u64,
    unexplained: u64,
    unexpected: u64,
    violations: Vec<String>,
    table: Vec<Row>,
    keys: Vec<[String; 4]>,
}

fn told(overlap: &Overlap) -> String {
    let (a, b) = (overlap.first, overlap.second);
    format!(
        "worker {}, call {} and worker {}, call {} held one lock: from {} to {} (lease since {}) and \
         from {} to {} (lease since {})",
        a.serial, a.call, b.serial, b.call, a.from, a.to, a.since, b.from, b.to, b.since
    )
}

impl Report {
    pub(crate) fn new(
        mode: Mode,
        seed: u64,
        time: Duration,
        ledger: &Ledger,
        deeds: &Deeds,
        orphans: &Orphans,
        changes: &Changes,
    ) -> Self {
        let (after_loss, plain): (Vec<Overlap>, Vec<Overlap>) = ledger
            .overlaps()
            .into_iter()
            .partition(|overlap| overlap.after_loss);
        let mut violations = ledger.violations.clone();
        violations.extend(plain.iter().map(told));
        let left = orphans.told();
        violations.extend_from_slice(left);
        Self {
            mode,
            seed,
            time,
            sections: ledger.sections,
            lost: ledger.lost(),
            overlaps: plain.len(),
            overlaps_after_loss: after_loss.len(),
            late_polls: ledger.late_polls,
            orphans: left.len(),
            stuck: ledger.stuck,
            pauses: figure(&deeds.pauses),
            kills: figure(&deeds.kills),
            restarts: figure(&deeds.restarts),
            unexplained: ledger.unexplained,
            unexpected: ledger.unexpected,
            violations,
            table: table::rows(
                ledger,
                deeds,
                [plain.len(), after_loss.len(), left.len()],
                orphans,
                changes,
            ),
            handed_over: figure(&changes.handed_over),
            passed_on: figure(&changes.passed_on),
            keys: ledger
                .counters
                .iter()
                .enumerate()
                .map(|(key, counter)| {
                    [
                        format!("counter:{key}"),
                        counter.acknowledged.to_string(),
                        counter.value().to_string(),
                        counter.lost().to_string(),
                    ]
                })
                .collect(),
        }
    }

    /// What must hold and does not.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                failures.push(what.to_owned());
            }
        };
        must(self.sections > 0, "nobody worked");
        if self.mode == Mode::None {
            must(
                self.lost > 0,
                "no update was lost without a check: this soak proves nothing",
            );
            // The detectors, too, have to see what is there to be seen.
            must(self.overlaps > 0, "no two held one lock without a check");
            must(self.late_polls > 0, "no poll was late without a check");
            return failures;
        }
        if self.mode == Mode::Fence {
            must(self.lost == 0, "acknowledged updates were lost");
        }
        must(
            self.unexplained == 0,
            "an update was lost to a holder that was in time",
        );
        must(self.overlaps == 0, "two held one lock");
        must(self.late_polls == 0, "a body was polled after its deadline");
        must(self.orphans == 0, "locks outlived their ttl");
        must(self.stuck == 0, "calls were stuck");
        must(
            self.unexpected == 0,
            "calls ended by errors that no fault explains",
        );
        failures
    }

    fn explanation(&self) -> &'static str {
        match self.mode {
            Mode::Fence => {
                "Two may believe for a moment that they hold one lock (a server that lost its data), and \
                 a holder's write may arrive after its lease (it was stopped in the middle of a poll, or \
                 the write was under way for long). The counters refuse whoever comes with an older fence \
                 than they have seen, on the read as well as on the write, so that no update is lost. A late \
                 write that they took (the intruders above) came before anybody newer, and does no harm."
            }
            Mode::Lease => {
                "No body was to begin a poll after its deadline, nor two to hold one lock while the server \
                 kept its data. What is lost all the same is what no lease can save: writes of holders that \
                 were stopped in the middle of a poll, writes that were under way when the lease or the body \
                 ended (both as intruders above), and two holders after the server had forgotten the first. \
                 With the fence all of these are refused."
            }
            Mode::None => {
                "The control: SET NX PX, the work, DEL, with no look at a deadline or an owner. It must lose \
                 updates, overlap and poll late, or else this soak could not see it where it matters."
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for Row { name, count, means } in &self.table {
            let mut lines = wrapped(means, 72).into_iter();
            let first = lines.next().unwrap_or_default();
            writeln!(f, "{name:<25}{count:>8}  {first}")?;
            for line in lines {
                writeln!(f, "{:35}{line}", "")?;
            }
        }
        writeln!(f)?;
        writeln!(
            f,
            "{:<12}{:>13}{:>9}{:>6}",
            "", "acknowledged", "value", "lost"
        )?;
        for [key, acknowledged, value, lost] in &self.keys {
            writeln!(f, "{key:<12}{acknowledged:>13}{value:>9}{lost:>6}")?;
        }
        writeln!(f)?;
        for line in wrapped(self.explanation(), 100) {
            writeln!(f, "{line}")?;
        }
        // The control breaks every promise, by hundreds: the figures say it.
        if self.mode != Mode::None && !self.violations.is_empty() {
            writeln!(f)?;
            for violation in self.violations.iter().take(TOLD) {
                writeln!(f, "violated: {violation}")?;
            }
            if self.violations.len() > TOLD {
                writeln!(f, "… and {} more", self.violations.len() - TOLD)?;
            }
        }
        writeln!(f)?;
        let failures = self.failures();
        let seconds = self.time.as_secs();
        if failures.is_empty() {
            writeln!(f, "passed, after {seconds} s")?;
        } else {
            writeln!(f, "FAILED, after {seconds} s: {}", failures.join("; "))?;
        }
        write!(
            f,
            "soak mode={} seed={} sections={} lost={} overlaps={} overlaps_after_data_loss={} \
             late_polls={} orphans={} stuck={} pauses={} kills={} restarts={} \
             handed_over={} passed_on={}",
            self.mode,
            self.seed,
            self.sections,
            self.lost,
            self.overlaps,
            self.overlaps_after_loss,
            self.late_polls,
            self.orphans,
            self.stuck,
            self.pauses,
            self.kills,
            self.restarts,
            self.handed_over,
            self.passed_on
        )
    }
}

/// Broken at spaces into lines of at most `width`.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("never empty");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Log;
    use crate::orphans::Lock;

    type Happened = fn(&mut Ledger);

    fn failures(mode: Mode, orphans: &[Lock], happened: impl FnOnce(&mut Ledger)) -> String {
        let mut ledger = Ledger::new(mode, Log::open(None).expect("no file"));
        ledger.sections = 1;
        happened(&mut ledger);
        let mut found = Orphans::default();
        found.left(orphans);
        let (deeds, changes) = (Deeds::default(), Changes::default());
        let report = Report::new(mode, 1, Duration::ZERO, &ledger, &deeds, &found, &changes);
        report.failures().join("; ")
    }

    #[test]
    fn each_broken_promise_is_a_failure() {
        for mode in [Mode::Fence, Mode::Lease] {
            assert_eq!(failures(mode, &[], |_| {}), "");
            let orphan = [Lock {
                key: "lock:counter:1".to_owned(),
                value: "a".to_owned(),
                left: 1,
            }];
            assert_eq!(failures(mode, &orphan, |_| {}), "locks outlived their ttl");
            let broken: [(Happened, &str); 5] = [
                (|ledger| ledger.sections = 0, "nobody"),
                (|ledger| ledger.stuck = 1, "stuck"),
                (|ledger| ledger.late_polls = 1, "after its deadline"),
                (|ledger| ledger.unexplained = 1, "in time"),
                (|ledger| ledger.unexpected = 1, "no fault explains"),
            ];
            for (happened, said) in broken {
                let failures = failures(mode, &[], happened);
                assert!(failures.contains(said), "{said}: {failures:?}");
            }
        }
    }

    #[test]
    fn a_lost_update_is_a_failure_behind_a_fence_and_without_one_the_control_fails() {
        let lose = |ledger: &mut Ledger| ledger.counters[0].acknowledged = 1;
        assert_eq!(
            failures(Mode::Fence, &[], lose),
            "acknowledged updates were lost"
        );
        assert_eq!(failures(Mode::Lease, &[], lose), "");
        let sound = failures(Mode::None, &[], |_| {});
        for said in ["proves nothing", "no two held", "no poll was late"] {
            assert!(sound.contains(said), "{sound:?}");
        }
        assert!(!failures(Mode::None, &[], lose).contains("proves nothing"));
    }
}
