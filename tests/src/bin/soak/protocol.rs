//! What workers tell the parent, and what it answers: a line each, times in microseconds of the
//! shared clock.

use std::fmt;

/// What a worker tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Hello {
        serial: u64,
    },
    /// A call for the lock begins; it has to have it or give up within `limit`.
    Asked {
        call: u64,
        key: u64,
        at: u64,
        limit: u64,
    },
    /// The body is polled for the first time. The lease counts from `since`.
    Opened {
        call: u64,
        at: u64,
        since: u64,
        deadline: u64,
    },
    Extended {
        call: u64,
        deadline: u64,
    },
    /// A poll of the body began after the deadline. The library has looked at the lease at `looked`, as
    /// far as it tells.
    Late {
        call: u64,
        at: u64,
        deadline: u64,
        looked: u64,
    },
    /// Asks for the counter's value. A fence of 0 is none.
    Read {
        call: u64,
        fence: u64,
    },
    Write {
        call: u64,
        value: u64,
        fence: u64,
    },
    /// The body is gone: next, the release is sent.
    Closed {
        call: u64,
        at: u64,
    },
    /// The call has returned.
    Ended {
        call: u64,
        at: u64,
        how: How,
    },
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Done,
    Stale,
    Busy,
    WaitTimeout,
    Lost,
    Indeterminate,
    Unavailable,
    Cancelled,
    Unexpected,
}

/// What the parent answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// What the counter stands at, after the write if it was one.
    Value { call: u64, value: u64 },
    /// The fence is older than one that the counter has seen.
    Stale { call: u64 },
    /// Begin nothing any more.
    Finish,
}

impl How {
    pub(crate) const ALL: [Self; 9] = [
        Self::Done,
        Self::Stale,
        Self::Busy,
        Self::WaitTimeout,
        Self::Lost,
        Self::Indeterminate,
        Self::Unavailable,
        Self::Cancelled,
        Self::Unexpected,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Stale => "stale",
            Self::Busy => "busy",
            Self::WaitTimeout => "wait-timeout",
            Self::Lost => "lost",
            Self::Indeterminate => "indeterminate",
            Self::Unavailable => "unavailable",
            Self::Cancelled => "cancelled",
            Self::Unexpected => "unexpected",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|how| how.name() == word)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Hello { serial } => write!(f, "hello {serial}"),
            Self::Asked {
                call,
                key,
                at,
                limit,
            } => write!(f, "asked {call} {key} {at} {limit}"),
            Self::Opened {
                call,
                at,
                since,
                deadline,
            } => write!(f, "opened {call} {at} {since} {deadline}"),
            Self::Extended { call, deadline } => write!(f, "extended {call} {deadline}"),
            Self::Late {
                call,
                at,
                deadline,
                looked,
            } => write!(f, "late {call} {at} {deadline} {looked}"),
            Self::Read { call, fence } => write!(f, "read {call} {fence}"),
            Self::Write { call, value, fence } => write!(f, "write {call} {value} {fence}"),
            Self::Closed { call, at } => write!(f, "closed {call} {at}"),
            Self::Ended { call, at, how } => write!(f, "ended {call} {at} {}", how.name()),
        }
    }
}

impl Told {
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (name, rest) = line.split_once(' ')?;
        let (rest, how) = match name {
            "ended" => rest.rsplit_once(' ').map(|(rest, how)| (rest, Some(how)))?,
            _ => (rest, None),
        };
        let mut numbers = rest.split(' ').map(|word| word.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(match name {
            "hello" => Self::Hello { serial: next()? },
            "asked" => Self::Asked {
                call: next()?,
                key: next()?,
                at: next()?,
                limit: next()?,
            },
            "opened" => Self::Opened {
                call: next()?,
                at: next()?,
                since: next()?,
                deadline: next()?,
            },
            "extended" => Self::Extended {
                call: next()?,
                deadline: next()?,
            },
            "late" => Self::Late {
                call: next()?,
                at: next()?,
                deadline: next()?,
                looked: next()?,
            },
            "read" => Self::Read {
                call: next()?,
                fence: next()?,
            },
            "write" => Self::Write {
                call: next()?,
                value: next()?,
                fence: next()?,
            },
            "closed" => Self::Closed {
                call: next()?,
                at: next()?,
            },
            "ended" => Self::Ended {
                call: next()?,
                at: next()?,
                how: How::parse(how?)?,
            },
            _ => return None,
        })
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { call, value } => write!(f, "value {call} {value}"),
            Self::Stale { call } => write!(f, "stale {call}"),
            Self::Finish => f.write_str("finish"),
        }
    }
}

impl Reply {
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        Some(match words[..] {
            ["value", call, value] => Self::Value {
                call: call.parse().ok()?,
                value: value.parse().ok()?,
            },
            ["stale", call] => Self::Stale {
                call: call.parse().ok()?,
            },
            ["finish"] => Self::Finish,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let call = 7;
        let (at, deadline) = (8, 9);
        let mut all = vec![
            Told::Hello { serial: 1 },
            Told::Asked {
                call,
                key: 2,
                at,
                limit: 3,
            },
            Told::Opened {
                call,
                at,
                since: 4,
                deadline,
            },
            Told::Extended { call, deadline },
            Told::Late {
                call,
                at,
                deadline,
                looked: 9,
            },
            Told::Read { call, fence: 5 },
            Told::Write {
                call,
                value: 6,
                fence: 0,
            },
            Told::Closed { call, at },
        ];
        all.extend(How::ALL.map(|how| Told::Ended { call, at, how }));
        for told in all {
            assert_eq!(Told::parse(&told.to_string()), Some(told));
        }
        let value = Reply::Value { call, value: 8 };
        for reply in [value, Reply::Stale { call }, Reply::Finish] {
            assert_eq!(Reply::parse(&reply.to_string()), Some(reply));
        }
        assert_eq!(Told::parse("ended 1 2 well"), None);
        assert_eq!(Told::parse("opened 1"), None);
    }
}
