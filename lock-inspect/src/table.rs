//! A table of locks as wide as the terminal, or one lock below the other where that is too narrow.

use unicode_width::UnicodeWidthStr;

use crate::length::short;
use crate::lock::Lock;
use crate::renewal::Renewal;

/// A lock, and what is said about it.
#[derive(Debug, Clone)]
pub(crate) struct Row<'a> {
    pub(crate) lock: &'a Lock,
    pub(crate) renewal: Renewal,
    pub(crate) leak: Option<String>,
}

impl Row<'_> {
    fn age(&self) -> String {
        self.lock.age().map_or("-".to_owned(), short)
    }

    /// The words about a holder in so many columns. The end of a path tells more than its beginning.
    fn holder(&self, words: &str, width: usize) -> String {
        match self.lock.owner() {
            Some(_) => cut(words, width, 0),
            None => middle(words, width),
        }
    }

    fn cells(&self) -> [String; 5] {
        [
            self.lock.name(),
            self.lock.held_by(),
            self.age(),
            self.lock.left(),
            self.renewal.word().to_owned(),
        ]
    }
}

const TITLES: [&str; 5] = ["KEY", "HELD BY", "AGE", "LEFT", "RENEWING"];
const GAP: usize = 2;
/// Less of a key or a holder tells nothing.
const LEAST: usize = 16;
/// Where nothing is cut, one long key does not push all other rows apart.
const WIDEST: usize = 64;

/// Lines without their ends, none wider than `width` columns.
pub(crate) fn lines(rows: &[Row<'_>], width: Option<usize>) -> Vec<String> {
    let cells: Vec<[String; 5]> = rows.iter().map(Row::cells).collect();
    let natural: Vec<usize> = (0..TITLES.len())
        .map(|at| {
            let widths = cells.iter().map(|row| row[at].width());
            widths.chain([TITLES[at].width()]).max().unwrap_or(0)
        })
        .collect();
    let Some((key, held_by)) = share(&natural, width) else {
        let width = width.unwrap_or(usize::MAX);
        return rows.iter().flat_map(|row| below(row, width)).collect();
    };
    let widths = [key, held_by, natural[2], natural[3], natural[4]];
    let mut lines = vec![line(&TITLES.map(str::to_owned), &widths)];
    for (row, cells) in rows.iter().zip(cells) {
        let [name, holder, age, left, renewing] = cells;
        let cells = if width.is_some() {
            [
                middle(&name, key),
                row.holder(&holder, held_by),
                age,
                left,
                renewing,
            ]
        } else {
            [name, holder, age, left, renewing]
        };
        lines.push(line(&cells, &widths));
        let leak = row.leak.iter();
        lines.extend(leak.flat_map(|leak| indented(leak, width.unwrap_or(usize::MAX))));
    }
    lines
}

/// The widths of key and holder, if there is room for something of both.
fn share(natural: &[usize], width: Option<usize>) -> Option<(usize, usize)> {
    let (key, held_by) = (natural[0], natural[1]);
    let Some(width) = width else {
        return Some((key.min(WIDEST), held_by.min(WIDEST)));
    };
    let fixed: usize = natural[2..].iter().sum::<usize>() + GAP * (TITLES.len() - 1);
    let room = width.checked_sub(fixed)?;
    if key + held_by <= room {
        return Some((key, held_by));
    }
    if room < 2 * LEAST {
        return None;
    }
    // Who needs less than half leaves the rest to the other.
    let key = key.min((room / 2).max(room.saturating_sub(held_by)));
    Some((key, room - key))
}

fn line(cells: &[String; 5], widths: &[usize; 5]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let space = width.saturating_sub(cell.width()) + GAP;
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', space));
    }
    line.truncate(line.trim_end().len());
    line
}

/// One lock as some short lines.
fn below(row: &Row<'_>, width: usize) -> Vec<String> {
    let left = match row.lock.remaining {
        Some(_) => format!("left {}", row.lock.left()),
        None => row.lock.left(),
    };
    let state = match row.lock.owner() {
        Some(_) => {
            let renewing = row.renewal.word();
            Some(format!("age {}, {left}, renewing {renewing}", row.age()))
        }
        // Why it leaks says it better.
        None => Some(left).filter(|_| row.leak.is_none()),
    };
    let mut lines = vec![middle(&row.lock.name(), width)];
    let holder = row.holder(&row.lock.held_by(), width.saturating_sub(INDENT));
    lines.push(format!("{:INDENT$}{holder}", ""));
    for text in state.iter().chain(&row.leak) {
        lines.extend(indented(text, width));
    }
    lines
}

const INDENT: usize = 2;

fn indented(text: &str, width: usize) -> impl Iterator<Item = String> {
    let lines = wrapped(text, width.saturating_sub(INDENT));
    lines
        .into_iter()
        .map(|line| format!("{:INDENT$}{line}", ""))
}

/// A sentence on as many lines as it takes.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines
            .last_mut()
            .filter(|line| line.is_empty() || line.width() + 1 + word.width() <= width);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| middle(line, width)).collect()
}

/// The text in so many columns. Both of its ends tell something: its middle is left out.
pub(crate) fn middle(text: &str, width: usize) -> String {
    cut(text, width, width / 2)
}

/// The text in so many columns, so many of them from its front.
fn cut(text: &str, width: usize, front: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else {
        return String::new();
    };
    let start = fitting(text.chars(), front);
    let end = fitting(text.chars().rev(), room - start.width());
    start
        .chars()
        .chain(['…'])
        .chain(end.chars().rev())
        .collect()
}

/// As many of the characters as fit.
fn fitting(chars: impl Iterator<Item = char>, width: usize) -> String {
    let mut text = String::new();
    for c in chars {
        text.push(c);
        if text.width() > width {
            text.pop();
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::samples::{foreign, ours};

    fn row(lock: &Lock) -> Row<'_> {
        Row {
            lock,
            renewal: Renewal::of(lock, false),
            leak: crate::leak::leak(lock),
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let mut wide = ours(60_000, 9_000, 10_000, 60_000);
        wide.key = "注文:".repeat(40).into_bytes();
        let locks = [ours(2_000, 8_000, 10_000, 0), wide, foreign(None)];
        let rows: Vec<Row> = locks.iter().map(row).collect();
        for width in 1..200 {
            for line in lines(&rows, Some(width)) {
                assert!(line.width() <= width.max(INDENT + 1), "{width}: {line}");
            }
        }
        let narrow = lines(&rows[..1], Some(40));
        let narrow: Vec<&str> = narrow.iter().map(String::as_str).collect();
        assert_eq!(
            narrow,
            [
                "order:42",
                "  place_order on web-1 pid 4711",
                "  age 2.0s, left 8.0s, renewing no"
            ]
        );
    }

    #[test]
    fn a_table_has_all_where_there_is_room() {
        let lock = ours(2_000, 8_000, 10_000, 0);
        let lines = lines(&[row(&lock)], None);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("KEY       HELD BY"), "{}", lines[0]);
        assert!(
            lines[1].ends_with("pid 4711  2.0s  8.0s  no"),
            "{}",
            lines[1]
        );
    }

    #[test]
    fn a_long_key_pushes_nobody_away_where_nothing_is_cut() {
        let mut long = ours(2_000, 8_000, 10_000, 0);
        long.key = vec![b'x'; 100_000];
        let short = ours(2_000, 8_000, 10_000, 0);
        let lines = lines(&[row(&long), row(&short)], None);
        assert!(lines[1].len() > 100_000 && lines[2].len() < 200);
    }

    #[test]
    fn a_sentence_goes_on_below() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("order:1234567890 x", 9), ["orde…7890", "x"]);
    }

    #[test]
    fn both_ends_of_a_long_text_stay() {
        assert_eq!(middle("order:1234567890", 9), "orde…7890");
        assert_eq!(middle("注文注文注文", 6), "注…文");
        assert_eq!(middle("abc", 0), "");
        assert_eq!(
            cut("shop::place_order on web-1", 21, 0),
            "…place_order on web-1"
        );
    }
}
