//! What the soak is told to do.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str =
    "usage: ./tests/soak --seconds S --seed K [--mode fence|lease|none] [--log FILE]

fence  the lock with its fencing token, which the counters check on read and write (default)
lease  the lock alone: the counters check nothing
none   a naive lock that nobody checks, as the control: it must lose updates
--log  where to write every report of a worker and every deed of the nemesis, a line each

The exit code is 0 if every promise was kept, 1 if not, and 2 if the soak could not be done.";

/// What protects the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Fence,
    Lease,
    None,
}

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) seconds: Duration,
    pub(crate) seed: u64,
    pub(crate) mode: Mode,
    pub(crate) log: Option<PathBuf>,
}

/// What a worker process is told by the one that starts it.
#[derive(Debug)]
pub(crate) struct Orders {
    pub(crate) serial: u64,
    pub(crate) seed: u64,
    pub(crate) mode: Mode,
    /// Where the counters are.
    pub(crate) socket: PathBuf,
    /// Where the lock server is, behind the relay.
    pub(crate) url: String,
}

pub(crate) enum Role {
    Help,
    Parent(Arguments),
    Worker(Orders),
}

/// Begins a worker's arguments.
pub(crate) const WORKER: &str = "--worker";

impl Mode {
    fn parse(word: &str) -> Option<Self> {
        [Self::Fence, Self::Lease, Self::None]
            .into_iter()
            .find(|mode| mode.to_string() == word)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fence => "fence",
            Self::Lease => "lease",
            Self::None => "none",
        })
    }
}

impl Orders {
    pub(crate) fn words(&self) -> Vec<String> {
        vec![
            WORKER.to_owned(),
            self.serial.to_string(),
            self.seed.to_string(),
            self.mode.to_string(),
            self.socket.display().to_string(),
            self.url.clone(),
        ]
    }

    fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        Some(Self {
            serial: words.next()?.parse().ok()?,
            seed: words.next()?.parse().ok()?,
            mode: Mode::parse(&words.next()?)?,
            socket: words.next()?.into(),
            url: words.next()?,
        })
    }
}

/// Reads the arguments of the command.
///
/// # Errors
///
/// What is wrong with them.
pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Role, String> {
    let mut words = words.peekable();
    if words.next_if(|word| word == WORKER).is_some() {
        let orders = Orders::parse(words).ok_or("orders that cannot be read")?;
        return Ok(Role::Worker(orders));
    }
    let (mut seconds, mut seed, mut mode, mut log) = (None, None, Mode::Fence, None);
    while let Some(name) = words.next() {
        let mut value = || words.next().ok_or(format!("{name} needs a value"));
        let number = |text: String| {
            let number = text.parse::<u64>();
            number.map_err(|_| format!("{name}: {text} is not a whole number"))
        };
        match name.as_str() {
            "--help" | "-h" => return Ok(Role::Help),
            "--seconds" => seconds = Some(number(value()?)?),
            "--seed" => seed = Some(number(value()?)?),
            "--mode" => {
                let word = value()?;
                let known = Mode::parse(&word);
                mode = known.ok_or(format!("there is no mode {word}: fence, lease or none"))?;
            }
            "--log" => log = Some(value()?.into()),
            _ => return Err(format!("there is no argument {name}")),
        }
    }
    let seconds = seconds.ok_or("--seconds is needed")?;
    if !(1..=86_400).contains(&seconds) {
        return Err(format!("--seconds is {seconds}, it must be 1 to 86400"));
    }
    Ok(Role::Parent(Arguments {
        seconds: Duration::from_secs(seconds),
        seed: seed.ok_or("--seed is needed")?,
        mode,
        log,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Role, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_are_read_and_mistakes_are_told() {
        let Ok(Role::Parent(read)) = parsed("--seconds 5 --seed 7 --mode lease") else {
            panic!("sound arguments");
        };
        assert_eq!((read.seconds.as_secs(), read.seed), (5, 7));
        assert_eq!(read.mode, Mode::Lease);
        for help in ["--help", "--seconds 5 -h"] {
            assert!(matches!(parsed(help), Ok(Role::Help)), "{help}");
        }
        for wrong in [
            "",
            "--seconds 5",
            "--seconds 0 --seed 1",
            "--seconds x --seed 1",
            "--seconds 5 --seed",
            "--seconds 5 --seed 1 --mode both",
            "--seconds 5 --seed 1 --fast",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_worker_reads_the_orders_it_was_given() {
        let orders = Orders {
            serial: 3,
            seed: 4,
            mode: Mode::None,
            socket: "/tmp/x".into(),
            url: "redis://127.0.0.1:1".into(),
        };
        let Ok(Role::Worker(read)) = parse(orders.words().into_iter()) else {
            panic!("sound orders");
        };
        assert_eq!(read.words(), orders.words());
    }
}
