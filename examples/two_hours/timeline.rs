//! Bars over time, in plain text.

use std::fmt;
use std::time::Duration;

const LABEL: usize = 26;
const COLUMNS: usize = 72;

pub(crate) struct Timeline {
    pub(crate) length: Duration,
    pub(crate) rows: Vec<Row>,
    /// Moments and what happened then, in order.
    pub(crate) notes: Vec<(Duration, String)>,
}

pub(crate) struct Row {
    pub(crate) label: String,
    /// What stands where no bar is.
    pub(crate) ground: char,
    pub(crate) bars: Vec<Bar>,
}

pub(crate) struct Bar {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    pub(crate) glyph: char,
    /// What stands behind it, if its end is remarkable.
    pub(crate) end: Option<char>,
}

impl Timeline {
    /// The column in which `at` lies; the one after the last for the end.
    fn column(&self, at: Duration) -> usize {
        let length = self.length.as_millis().max(1);
        let columns = COLUMNS as u128;
        let column = (at.as_millis() * columns * 2 + length) / (length * 2);
        usize::try_from(column).map_or(COLUMNS, |column| column.min(COLUMNS))
    }

    /// However short, every bar is seen.
    fn cells(&self, row: &Row) -> String {
        let mut cells = vec![row.ground; COLUMNS];
        for bar in &row.bars {
            let from = self.column(bar.from).min(COLUMNS - 1);
            let to = self.column(bar.to).max(from + 1);
            cells[from..to].fill(bar.glyph);
            if let (Some(end), Some(cell)) = (bar.end, cells.get_mut(to)) {
                *cell = end;
            }
        }
        cells.into_iter().collect()
    }

    /// Labels above their ticks. The steps are round numbers.
    fn axis(&self) -> (String, String) {
        let steps = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];
        let steps = steps.map(Duration::from_millis);
        let step = steps.into_iter().find(|step| *step * 8 >= self.length);
        let step = step.unwrap_or(self.length);
        let in_seconds = self.length >= Duration::from_secs(2);
        let (mut labels, mut line) = (String::new(), String::new());
        let mut at = Duration::ZERO;
        loop {
            let label = if in_seconds {
                format!("{:.1} s", at.as_secs_f64())
            } else {
                format!("{} ms", at.as_millis())
            };
            let column = self.column(at);
            if column + label.len() > COLUMNS {
                break;
            }
            labels = format!("{labels:column$}{label}");
            line = format!("{line:─<column$}┬");
            at += step;
        }
        (labels, format!("{line:─<COLUMNS$}"))
    }

    /// The numbers of the notes, each in its column or as near as there is room.
    fn marks(&self) -> String {
        let mut marks = vec![' '; COLUMNS + self.notes.len()];
        for (number, (at, _)) in (1..).zip(&self.notes) {
            let column = self.column(*at).min(COLUMNS - 1);
            let free = (column..marks.len()).find(|column| marks[*column] == ' ');
            if let Some(free) = free {
                marks[free] = mark(number);
            }
        }
        marks.into_iter().collect()
    }
}

/// `1` to `9`, then letters.
fn mark(number: u32) -> char {
    char::from_digit(number, 36).unwrap_or('*')
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |label: &str, text: &str| {
            writeln!(f, "{}", format!("  {label:LABEL$}{text}").trim_end())
        };
        let (labels, axis) = self.axis();
        line("", &labels)?;
        line("", &axis)?;
        for row in &self.rows {
            line(&row.label, &self.cells(row))?;
        }
        line("what happened", &self.marks())?;
        for (number, (at, text)) in (1..).zip(&self.notes) {
            let at = format!("{} ms", at.as_millis());
            writeln!(f, "      {}  {at:>8}  {text}", mark(number))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn timeline(rows: Vec<Row>, notes: Vec<(Duration, String)>) -> Timeline {
        Timeline {
            length: ms(720),
            rows,
            notes,
        }
    }

    fn row(bars: &[(u64, u64, char)]) -> Row {
        let bars = bars.iter().map(|(from, to, glyph)| Bar {
            from: ms(*from),
            to: ms(*to),
            glyph: *glyph,
            end: (*glyph == 'b').then_some('x'),
        });
        Row {
            label: "A".to_owned(),
            ground: '.',
            bars: bars.collect(),
        }
    }

    #[test]
    fn neighbours_meet_and_the_short_are_seen() {
        let row = row(&[
            (0, 36, 'a'),
            (36, 60, 'b'),
            (300, 301, 'c'),
            (719, 900, 'd'),
        ]);
        let cells = timeline(Vec::new(), Vec::new()).cells(&row);
        assert_eq!(cells.chars().count(), COLUMNS);
        assert!(cells.starts_with("aaaabbx."), "{cells}");
        assert_eq!(cells.find('c'), Some(30));
        assert!(cells.ends_with(['d']), "{cells}");
    }

    #[test]
    fn marks_stand_in_their_columns_or_beside_them() {
        let notes = [0, 0, 300].map(|at| (ms(at), String::new()));
        let marks = timeline(Vec::new(), notes.to_vec()).marks();
        assert!(marks.starts_with("12 "), "{marks}");
        assert_eq!(marks.find('3'), Some(30));
    }

    #[test]
    fn the_axis_has_round_steps() {
        let (labels, line) = timeline(Vec::new(), Vec::new()).axis();
        assert!(labels.starts_with("0 ms      100 ms    200 ms"), "{labels}");
        assert!(line.starts_with("┬─────────┬─────────┬"), "{line}");
        assert_eq!(line.chars().count(), COLUMNS);
    }

    #[test]
    fn no_line_is_wider_than_a_hundred_columns() {
        let rows = vec![row(&[(0, 720, '█')])];
        let text = timeline(rows, vec![(ms(720), "the end".to_owned())]).to_string();
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
    }
}
