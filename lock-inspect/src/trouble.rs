//! How the program ends, and what it says when something is in the way.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// The end of `--help`, which the README repeats.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done, and nothing is wrong
  1  `leaks` found some, nothing was released, or there is no such lock
  2  not understood: the arguments
  3  the server cannot be reached, or does not let us in
  4  the server refused or broke off what was asked of it";

/// An end without trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing is wrong.
    Fine,
    /// Leaks, nothing released, no such lock.
    Found,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Fine => Self::SUCCESS,
            Ending::Found => Self::from(1),
        }
    }
}

/// What is in the way, with what to do about it.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The arguments make no sense.
    Usage(String),
    /// There is no server to talk to.
    Unreachable(String),
    /// It did not do what it was asked.
    Refused(String),
    /// What we say cannot be written.
    Output(io::Error),
}

impl Trouble {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            // `lock-inspect list | head`: who reads has read enough.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::Refused(_) | Self::Output(_) => 4,
        })
    }

    /// Whether there is nobody left to tell.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(words) | Self::Unreachable(words) | Self::Refused(words) => {
                f.write_str(words)
            }
            Self::Output(error) => write!(f, "cannot write: {error}"),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
