//! What the simulation is told to do.

use crate::child;

pub(crate) const USAGE: &str = "usage: ./tests/simulate --seeds N [--from K] [--first] | --seed K";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) from: u64,
    pub(crate) seeds: u64,
    pub(crate) way: Way,
    /// Ends with the first violation.
    pub(crate) first: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Many,
    /// One seed and its history.
    One,
    /// One seed, for the process that asked for many.
    Child,
}

/// Reads the arguments of the command.
///
/// # Errors
///
/// What is wrong with them.
pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let (mut seeds, mut seed, mut from, mut first) = (None, None, None, false);
    while let Some(name) = words.next() {
        let mut number = || {
            let text = words.next().ok_or(format!("{name} needs a value"))?;
            let number = text.parse::<u64>();
            number.map_err(|_| format!("{name}: {text} is not a whole number"))
        };
        match name.as_str() {
            "--seeds" => seeds = Some(number()?),
            "--from" => from = Some(number()?),
            "--first" => first = true,
            "--seed" => seed = Some((number()?, Way::One)),
            child::ARGUMENT => seed = Some((number()?, Way::Child)),
            _ => return Err(format!("there is no argument {name}")),
        }
    }
    match (seeds, seed) {
        (None, None) => Err("--seeds or --seed is needed".to_owned()),
        (Some(_), Some(_)) => Err("--seeds and --seed do not go together".to_owned()),
        (None, Some(_)) if from.is_some() || first => {
            Err("--from and --first go with --seeds".to_owned())
        }
        (None, Some((seed, way))) => Ok(Asked {
            from: seed,
            seeds: 1,
            way,
            first,
        }),
        (Some(0), None) => Err("--seeds must be at least 1".to_owned()),
        (Some(seeds), None) => {
            let from = from.unwrap_or(1);
            // Each thread asks for one more than there are.
            if from.checked_add(seeds).is_none_or(|end| end > u64::MAX / 2) {
                return Err("--from and --seeds are too large".to_owned());
            }
            Ok(Asked {
                from,
                seeds,
                way: Way::Many,
                first,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_are_read_and_mistakes_are_told() {
        let many = parsed("--seeds 5 --from 7 --first").expect("sound");
        assert_eq!((many.from, many.seeds, many.way), (7, 5, Way::Many));
        assert!(many.first);
        let one = parsed("--seed 42").expect("sound");
        assert_eq!((one.from, one.seeds, one.way), (42, 1, Way::One));
        for wrong in [
            "",
            "3",
            "--seeds",
            "--seeds 0",
            "--seeds x",
            "--from 3",
            "--seeds 5 --seed 3",
            "--seed 3 --from 4",
            "--seeds 5 --from 18446744073709551615",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
