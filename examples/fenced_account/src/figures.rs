//! What was counted under one way to check.

use std::fmt;

use crate::account::{Answer, Check, OPENING};
use crate::teller::AMOUNT;

#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// How often a process was stopped.
    pub(crate) stops: u64,
    /// Deposits to which the database said yes.
    acknowledged: i64,
    refused: u64,
    accepted_late: u64,
    /// Writes in time that were refused: the fence must never do that.
    wronged: u64,
    /// In the account at the end.
    pub(crate) balance: i64,
}

impl Figures {
    pub(crate) const HEAD: &str = "\
fence checked on deposits  stops  late writes: tried refused accepted  expected  balance   lost";
    pub(crate) const LEGEND: &str = "\
deposits: the database said yes.  late: a later holder had read the balance already.
expected: what was there at first, and 10 for every deposit.";

    pub(crate) fn count(&mut self, answer: Answer) {
        self.acknowledged += i64::from(answer.accepted);
        let counted = match (answer.late, answer.accepted) {
            (true, true) => &mut self.accepted_late,
            (true, false) => &mut self.refused,
            (false, false) => &mut self.wronged,
            (false, true) => return,
        };
        *counted += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.stops += other.stops;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.accepted_late += other.accepted_late;
        self.wronged += other.wronged;
    }

    fn tried(&self) -> u64 {
        self.refused + self.accepted_late
    }

    fn expected(&self) -> i64 {
        OPENING + AMOUNT * self.acknowledged
    }

    fn lost(&self) -> i64 {
        self.expected() - self.balance
    }

    /// What is not as the way to check lets expect.
    pub(crate) fn objections(&self, check: Check) -> Vec<String> {
        let wrong = [
            (self.tried() == 0, "no late write was tried"),
            (self.wronged > 0, "a write in time was refused"),
            match check {
                Check::ReadAndWrite => (self.accepted_late > 0, "a late write was accepted"),
                Check::WriteOnly => (self.accepted_late == 0, "no late write was accepted"),
                Check::Never => (self.refused > 0, "a late write was refused"),
            },
            match check {
                Check::ReadAndWrite => (self.lost() != 0, "the sum is wrong"),
                Check::WriteOnly | Check::Never => (self.lost() <= 0, "no money was lost"),
            },
        ];
        let wrong = wrong.into_iter().filter(|(wrong, _)| *wrong);
        wrong
            .map(|(_, what)| format!("fence checked on {check}: {what}"))
            .collect()
    }

    /// What it comes to, in a line.
    pub(crate) fn summary(&self) -> String {
        let sign = if self.lost() == 0 { '=' } else { '≠' };
        format!(
            "{} deposits acknowledged, {} late writes tried, {} refused, balance {} {sign} expected {}",
            self.acknowledged,
            self.tried(),
            self.refused,
            self.balance,
            self.expected(),
        )
    }
}

/// A row of the table, without its first column.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>9} {:>6} {:>18} {:>7} {:>8} {:>9} {:>8} {:>6}",
            self.acknowledged,
            self.stops,
            self.tried(),
            self.refused,
            self.accepted_late,
            self.expected(),
            self.balance,
            self.lost(),
        )
    }
}
