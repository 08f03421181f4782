//! What was measured, and whether it holds what was promised.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::spread::{Spread, short};

/// What a figure must keep.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn holds(self, figure: f64) -> bool {
        match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
        }
    }
}

/// One line of the table.
#[derive(Debug)]
struct Line {
    row: char,
    cells: [String; 7],
    missed: bool,
}

const HEAD: [&str; 8] = [
    "row", "figure", "ours", "beside", "value", "spread", "bound", "",
];

/// The lines in the order in which they were measured, and the rows that measured them.
#[derive(Debug, Default)]
pub(crate) struct Table {
    lines: Vec<Line>,
    notes: Vec<String>,
}

impl Table {
    /// A ratio between ours and what stands beside it, of which both are shown.
    pub(crate) fn ratio(
        &mut self,
        (row, figure): (char, &str),
        (ours, beside): (String, String),
        ratio: Option<Spread>,
        bound: Option<Bound>,
    ) {
        let spread = ratio.map(|ratio| ratio.to_string()).unwrap_or_default();
        let value = ratio.map(|ratio| ratio.median);
        self.push(row, figure, [ours, beside, spread], value, "", bound);
    }

    /// A figure of its own, with its unit; `None` could not be measured, which misses its bound.
    pub(crate) fn figure(
        &mut self,
        (row, figure): (char, &str),
        value: Option<f64>,
        unit: &str,
        bound: Option<Bound>,
    ) {
        self.push(row, figure, Default::default(), value, unit, bound);
    }

    /// The same, with what another has.
    pub(crate) fn beside(
        &mut self,
        (row, figure): (char, &str),
        beside: String,
        value: Option<f64>,
        unit: &str,
        bound: Option<Bound>,
    ) {
        let cells = [String::new(), beside, String::new()];
        self.push(row, figure, cells, value, unit, bound);
    }

    /// A sentence below the table.
    pub(crate) fn note(&mut self, row: char, text: &str) {
        self.notes.push(format!("{row}: {text}"));
    }

    fn push(
        &mut self,
        row: char,
        figure: &str,
        [ours, beside, spread]: [String; 3],
        value: Option<f64>,
        unit: &str,
        bound: Option<Bound>,
    ) {
        let missed = bound.is_some_and(|bound| !value.is_some_and(|value| bound.holds(value)));
        let shown = value.map_or("not measured".to_owned(), |value| short(value) + unit);
        let limit = match bound {
            Some(Bound::AtMost(most)) => format!("≤ {most}{unit}"),
            Some(Bound::AtLeast(least)) => format!("≥ {least}{unit}"),
            None => String::new(),
        };
        let verdict = match (bound, missed) {
            (None, _) => "",
            (Some(_), false) => "met",
            (Some(_), true) => "**missed**",
        };
        eprintln!("  {row} {figure}: {shown} {limit} {verdict}");
        self.lines.push(Line {
            row,
            cells: [
                figure.to_owned(),
                ours,
                beside,
                shown,
                spread,
                limit,
                verdict.to_owned(),
            ],
            missed,
        });
    }

    /// How many rows were measured.
    pub(crate) fn rows(&self) -> usize {
        let rows: BTreeSet<char> = self.lines.iter().map(|line| line.row).collect();
        rows.len()
    }

    /// How many of them miss a bound.
    pub(crate) fn missed(&self) -> usize {
        let missed = self.lines.iter().filter(|line| line.missed);
        missed.map(|line| line.row).collect::<BTreeSet<_>>().len()
    }

    /// The table and its notes, as Markdown that lines up.
    pub(crate) fn markdown(&self) -> String {
        let cells = |line: &Line| {
            let mut cells = vec![line.row.to_string()];
            cells.extend(line.cells.iter().cloned());
            cells
        };
        let mut text = aligned(&HEAD, self.lines.iter().map(cells).collect());
        for note in &self.notes {
            let _ = write!(text, "\n{note}\n");
        }
        text
    }
}

/// A table of Markdown whose columns line up.
pub(crate) fn aligned(head: &[&str], lines: Vec<Vec<String>>) -> String {
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let width = |column: usize| {
        let cells = lines
            .iter()
            .chain([&head])
            .filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let rule = widths
        .iter()
        .map(|&width| "-".repeat(width.max(3)))
        .collect();
    let mut text = String::new();
    for line in [head, rule].into_iter().chain(lines) {
        for (cell, &width) in line.iter().zip(&widths) {
            let _ = write!(text, "| {cell:<width$} ");
        }
        text.push_str("|\n");
    }
    text
}
