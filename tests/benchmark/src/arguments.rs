//! What the command is asked for.

/// The options of the command.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arguments {
    /// Every row, only shorter.
    pub(crate) quick: bool,
    /// Fail where a bound is missed.
    pub(crate) check: bool,
    /// The rows to measure; `None` for all.
    pub(crate) only: Option<String>,
}

const USAGE: &str = "usage: ./tests/bench [--quick] [--check] [--only ROWS], such as `--only ade`";

impl Arguments {
    pub(crate) fn read(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut read = Self::default();
        let mut words = words;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => read.quick = true,
                "--check" => read.check = true,
                "--only" => {
                    let rows = words.next().ok_or(USAGE)?;
                    let rows: String = rows.chars().filter(|row| row.is_alphabetic()).collect();
                    if rows.is_empty() {
                        return Err(USAGE.to_owned());
                    }
                    read.only = Some(rows);
                }
                _ => return Err(format!("unknown argument {word}\n{USAGE}")),
            }
        }
        Ok(read)
    }

    pub(crate) fn wants(&self, row: char) -> bool {
        self.only.as_ref().is_none_or(|rows| rows.contains(row))
    }

    /// The same as a command.
    pub(crate) fn command(&self) -> String {
        let mut words = vec!["./tests/bench".to_owned()];
        words.extend(self.quick.then(|| "--quick".to_owned()));
        words.extend(self.check.then(|| "--check".to_owned()));
        words.extend(self.only.iter().map(|rows| format!("--only {rows}")));
        words.join(" ")
    }
}
