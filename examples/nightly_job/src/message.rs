//! What a host says to the program that started it, a line each.

use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// Its scheduler runs.
    Ready,
    /// It is told to run the job of this tick.
    Fires(u64),
    /// It has the lock, and begins.
    Begins(u64),
    Done(u64),
    /// Neither run nor left out.
    Failed(u64, String),
}

impl Message {
    pub(crate) fn tell(&self) {
        println!("{self}");
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => write!(f, "ready"),
            Self::Fires(tick) => write!(f, "fires {tick}"),
            Self::Begins(tick) => write!(f, "begins {tick}"),
            Self::Done(tick) => write!(f, "done {tick}"),
            Self::Failed(tick, why) => write!(f, "failed {tick} {}", why.replace('\n', " ")),
        }
    }
}

impl FromStr for Message {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let told = || format!("a host said `{line}`");
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (tick, why) = rest.split_once(' ').unwrap_or((rest, ""));
        let tick = || tick.parse().map_err(|_| told());
        Ok(match word {
            "ready" => Self::Ready,
            "fires" => Self::Fires(tick()?),
            "begins" => Self::Begins(tick()?),
            "done" => Self::Done(tick()?),
            "failed" => Self::Failed(tick()?, why.to_owned()),
            _ => return Err(told()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_said() {
        let failed = Message::Failed(9, "no server there".to_owned());
        for said in [
            Message::Ready,
            Message::Fires(1),
            Message::Begins(u64::MAX),
            Message::Done(0),
            failed,
        ] {
            assert_eq!(said.to_string().parse(), Ok(said));
        }
        assert!("begins".parse::<Message>().is_err());
        assert!("ends 1".parse::<Message>().is_err());
    }
}
