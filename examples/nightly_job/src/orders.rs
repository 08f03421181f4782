//! What the program is asked for.

use std::num::NonZeroU64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Orders {
    pub(crate) ticks: u64,
    pub(crate) kill_every: NonZeroU64,
}

const USAGE: &str = "expected `--ticks N` and `--kill-every N`, or nothing";

impl Orders {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, &'static str> {
        let (mut ticks, mut kill_every) = (NonZeroU64::new(10), NonZeroU64::new(5));
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let number = words.next().and_then(|number| number.parse().ok());
            match word.as_str() {
                "--ticks" => ticks = number,
                "--kill-every" => kill_every = number,
                _ => return Err(USAGE),
            }
        }
        let ticks = ticks.ok_or(USAGE)?.get();
        let kill_every = kill_every.ok_or(USAGE)?;
        Ok(Self { ticks, kill_every })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_nothing_else() {
        let parse = |text: &str| {
            let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
            Orders::parse(&words).map(|orders| (orders.ticks, orders.kill_every.get()))
        };
        assert_eq!(parse(""), Ok((10, 5)));
        assert_eq!(parse("--kill-every 10 --ticks 100"), Ok((100, 10)));
        for wrong in ["--ticks", "--ticks 0", "--kill-every x", "help", "3"] {
            assert_eq!(parse(wrong), Err(USAGE), "{wrong}");
        }
    }
}
