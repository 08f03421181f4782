//! What newer servers compare and change in one command of their own, without a script.

use redis::{Cmd, Value, cmd};

use super::dialect::{Failure, failure};

/// A server's own compare-and-delete. One that has it sets by comparison, too: `SET … IFEQ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Native {
    /// Redis 8.4 or later.
    DelEx,
    /// Valkey 9 or later.
    DelIfEq,
}

impl Native {
    pub(super) const ALL: [Self; 2] = [Self::DelEx, Self::DelIfEq];

    /// Answers 1 (deleted) or 0 (no such key, or another value).
    pub(super) fn delete(self, key: &str, token: &str) -> Cmd {
        let mut command = match self {
            Self::DelEx => cmd("DELEX"),
            Self::DelIfEq => cmd("DELIFEQ"),
        };
        command.arg(key);
        if self == Self::DelEx {
            command.arg("IFEQ");
        }
        command.arg(token);
        command
    }

    /// The one that a server has which gave these answers to all of them.
    pub(super) fn tried(answers: &[Value]) -> Option<Self> {
        let mut tried = Self::ALL.into_iter().zip(answers);
        tried
            .find(|(_, answer)| is_known(answer))
            .map(|(own, _)| own)
    }
}

/// Only its own answer shows that the server has a command and lets this user run it: how servers
/// and proxies refuse one that they do not know is up to them.
fn is_known(answer: &Value) -> bool {
    match answer {
        Value::Int(_) => true,
        Value::ServerError(error) => matches!(failure(&error.clone().into()), Failure::WrongType),
        _ => false,
    }
}

/// Stores the token once more, with a fresh ttl, if it is there: OK, or else nil.
pub(super) fn extend(key: &str, token: &str, ttl: &str) -> Cmd {
    let mut command = cmd("SET");
    command.arg(key).arg(token).arg("IFEQ").arg(token);
    command.arg("PX").arg(ttl);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Cmd) -> String {
        String::from_utf8(command.get_packed_command()).expect("text")
    }

    fn answer(bytes: &[u8]) -> Value {
        redis::parse_redis_value(bytes).expect("an answer")
    }

    #[test]
    fn each_names_its_key_and_its_token() {
        let delex = "*4\r\n$5\r\nDELEX\r\n$1\r\nk\r\n$4\r\nIFEQ\r\n$1\r\nt\r\n";
        assert_eq!(words(&Native::DelEx.delete("k", "t")), delex);
        let delifeq = "*3\r\n$7\r\nDELIFEQ\r\n$1\r\nk\r\n$1\r\nt\r\n";
        assert_eq!(words(&Native::DelIfEq.delete("k", "t")), delifeq);
    }

    #[test]
    fn what_a_server_does_not_answer_it_does_not_have() {
        let unknown = answer(b"-ERR unknown command 'DELEX', with args beginning with: 'k'\r\n");
        let denied = answer(b"-NOPERM User u has no permissions to run the 'delifeq' command\r\n");
        let none = answer(b":0\r\n");
        let list = answer(b"-WRONGTYPE Operation against a key\r\n");
        let of_redis = answer(b"-ERR Key should be of string type if conditions are specified\r\n");
        let tried =
            |delex: &Value, delifeq: &Value| Native::tried(&[delex.clone(), delifeq.clone()]);
        assert_eq!(tried(&unknown, &denied), None);
        assert_eq!(tried(&unknown, &none), Some(Native::DelIfEq));
        assert_eq!(tried(&unknown, &list), Some(Native::DelIfEq));
        assert_eq!(tried(&none, &unknown), Some(Native::DelEx));
        assert_eq!(tried(&of_redis, &unknown), Some(Native::DelEx));
        assert_eq!(tried(&answer(b"+OK\r\n"), &answer(b"_\r\n")), None);
    }
}
