//! What a teller says to the program that started it, a line each.

use std::fmt;
use std::str::FromStr;

use crate::account::Answer;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// It is about to write, and waits for an answer in the middle of a poll.
    Writes { fence: u64, read: i64, new: i64 },
    /// It has written, or tried to.
    Wrote(Answer),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writes { fence, read, new } => write!(f, "writes {fence} {read} {new}"),
            Self::Wrote(Answer { accepted, late }) => write!(f, "wrote {accepted} {late}"),
        }
    }
}

impl FromStr for Message {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let words: Vec<_> = line.split(' ').collect();
        let message = match words[..] {
            ["writes", fence, read, new] => writes(fence, read, new),
            ["wrote", accepted, late] => wrote(accepted, late),
            _ => None,
        };
        message.ok_or_else(|| format!("a teller said `{line}`"))
    }
}

fn writes(fence: &str, read: &str, new: &str) -> Option<Message> {
    Some(Message::Writes {
        fence: fence.parse().ok()?,
        read: read.parse().ok()?,
        new: new.parse().ok()?,
    })
}

fn wrote(accepted: &str, late: &str) -> Option<Message> {
    Some(Message::Wrote(Answer {
        accepted: accepted.parse().ok()?,
        late: late.parse().ok()?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_said() {
        let (fence, read, new) = (1 << 52, -10, 0);
        let (accepted, late) = (true, false);
        for said in [
            Message::Writes { fence, read, new },
            Message::Wrote(Answer { accepted, late }),
        ] {
            assert_eq!(said.to_string().parse(), Ok(said));
        }
        assert!("wrote true".parse::<Message>().is_err());
    }
}
