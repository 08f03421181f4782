//! What a server's answers mean, and which remedy each refusal needs.

use std::time::Duration;

use redis::{ErrorKind, RedisError, Value};

use crate::error::{StoreError, StoreErrorKind};
use crate::fence::FencingToken;
use crate::store::{Fenced, Joined, Passed, Position, Release, Stored, Swap, Swapped};

/// How a command went wrong, for the session that has to act on it.
#[derive(Debug)]
pub(super) enum Failure {
    /// The script is not in the server's cache: send its text.
    NoScript,
    /// The key holds a list, a hash …
    WrongType,
    /// The fence key holds something else than a fencing token.
    Fence,
    /// The server does not know this form of the command.
    Syntax,
    /// It does not know the command at all, or does not let this user run it.
    Absent(StoreError),
    /// Anything else, ready to be told.
    Store(StoreError),
    /// As `Store`, and the connection is of no use any more.
    Broken(StoreError),
    /// The connection was of no use already: nothing was written.
    Unsent(StoreError),
}

/// Sorts a client-side error of the redis crate.
pub(super) fn failure(error: &RedisError) -> Failure {
    use StoreErrorKind::{Disconnected, Refused, Unavailable};

    let code = error.code().unwrap_or_default();
    let detail = before_arguments(error.detail().unwrap_or_default());
    let told = |kind, remedy: &str| {
        let words = quoted(detail);
        StoreError::new(kind, format!("{code} {words}: {remedy}"))
    };
    // Lua errors reach us as ERR with the inner code in the text (Redis 6 and some Valkey paths).
    let says = |word: &str| code == word || detail.contains(word);

    if says("WRONGTYPE") || detail.contains(NO_STRING) {
        return Failure::WrongType;
    }
    match code {
        "NOSCRIPT" => return Failure::NoScript,
        "FENCE" => return Failure::Fence,
        "LOADING" => {
            return Failure::Store(told(
                Unavailable,
                "the server is loading its data, try again",
            ));
        }
        "BUSY" => {
            return Failure::Store(told(
                Unavailable,
                "a script blocks the server, see SCRIPT KILL",
            ));
        }
        "CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" => {
            return Failure::Store(told(Unavailable, "the server is not ready, try again"));
        }
        "READONLY" => {
            let message = "the server is a replica, give the client the primary's address";
            return Failure::Broken(told(Unavailable, message));
        }
        "UNBLOCKED" => {
            let message =
                "the server became a replica meanwhile, give the client the primary's address";
            return Failure::Broken(told(Unavailable, message));
        }
        "OOM" => {
            let message = "the server is out of memory, free some or raise its maxmemory";
            return Failure::Store(told(Refused, message));
        }
        "MISCONF" => {
            let message = "the server cannot save to disk and refuses writes, mend its disk";
            return Failure::Store(told(Refused, message));
        }
        "NOREPLICAS" => {
            let message = "too few replicas are connected for min-replicas-to-write";
            return Failure::Store(told(Refused, message));
        }
        "MOVED" | "ASK" | "CROSSSLOT" => {
            let message = "the server is a Cluster node, which this client does not follow; use a standalone server";
            return Failure::Store(told(Refused, message));
        }
        "NOAUTH" | "WRONGPASS" => {
            let message =
                "the server wants a user name and password, put the right ones into the URL";
            return Failure::Store(told(Refused, message));
        }
        "NOPERM" => return Failure::Absent(told(Refused, PERMISSION)),
        _ => {}
    }
    if says("can't run this command") || says("ACL failure") {
        return Failure::Store(told(Refused, PERMISSION));
    }
    if says("OOM") {
        let message = "the server is out of memory, free some or raise its maxmemory";
        return Failure::Store(told(Refused, message));
    }
    if says("syntax error") || says("wrong number of arguments") {
        return Failure::Syntax;
    }
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => {
            if detail.contains("DB index") {
                return Failure::Store(told(Refused, "choose another database number in the URL"));
            }
            let refusal = told(Refused, "the server refused the command, see its log");
            if detail.starts_with("unknown command") {
                return Failure::Absent(refusal);
            }
            Failure::Store(refusal)
        }
        ErrorKind::AuthenticationFailed => Failure::Store(StoreError::new(
            Refused,
            "the server refused the user name or password, put the right ones into the URL",
        )),
        ErrorKind::Parse => Failure::Broken(StoreError::new(
            Disconnected,
            "what answers at this address does not speak the Redis protocol, check host and port",
        )),
        _ => Failure::Broken(StoreError::new(
            Disconnected,
            format!(
                "the connection broke ({}), check that the server is up",
                error.category()
            ),
        )),
    }
}

/// Without the arguments of the command that was refused: a key may read like an error, and one may
/// be a password.
fn before_arguments(words: &str) -> &str {
    let end = words.find(", with args beginning");
    &words[..end.unwrap_or(words.len())]
}

/// A server's words, fit for a log: short and on one line.
fn quoted(words: &str) -> String {
    let mut text = String::new();
    for c in words.chars().take(160) {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}

/// What Redis says instead of WRONGTYPE where DELEX has to compare.
const NO_STRING: &str = "Key should be of string type";

const PERMISSION: &str = "the user may not run a command the lock needs; grant \
     `+set +get +del +pexpire +pttl +eval +evalsha` (and `+setnx` for the script form, `+time` for fences, `+wait` for acks) on the lock keys";

/// What went wrong, where there is no remedy.
pub(super) fn told(failure: Failure, command: &str) -> StoreError {
    match failure {
        Failure::Store(error)
        | Failure::Absent(error)
        | Failure::Broken(error)
        | Failure::Unsent(error) => error,
        Failure::NoScript | Failure::WrongType | Failure::Fence | Failure::Syntax => {
            unsupported(command)
        }
    }
}

/// The refusal of a form that has no other form to fall back to.
fn unsupported(what: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::Refused,
        format!("the server refused {what} with an error of syntax; is it Redis 2.6 or later?"),
    )
}

/// A string or nil. Nothing else: a server that ignores the GET of a SET says OK, and means that
/// the token is stored.
pub(super) fn stored(value: Value) -> Result<Option<Stored>, StoreError> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(Stored::Value(bytes))),
        other => Err(unexpected(&other)),
    }
}

/// A whole number.
pub(super) fn integer(value: &Value) -> Result<i64, StoreError> {
    match value {
        Value::Int(number) => Ok(*number),
        other => Err(unexpected(other)),
    }
}

/// The whole numbers and texts of an array.
fn parts(value: &Value) -> &[Value] {
    match value {
        Value::Array(parts) => parts,
        _ => &[],
    }
}

fn fence(value: &Value) -> Option<FencingToken> {
    let Value::BulkString(digits) = value else {
        return None;
    };
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(FencingToken::new(number))
}

/// The answer of a script that swaps, and draws a fence if it is to be `fenced`.
pub(super) fn swapped(value: &Value, fenced: bool) -> Result<Swapped, StoreError> {
    let swap = match (value, parts(value), fenced) {
        (Value::Int(0), ..) => return Ok(Swap::Missing.into()),
        (Value::Int(-1), ..) => return Ok(Swap::NotOurs.into()),
        (_, [Value::Int(1), Value::Int(_)], false) => Some(Swap::Swapped(None)),
        (_, [Value::Int(2), Value::Int(_)], false) => Some(Swap::Found(None)),
        (_, [Value::Int(1), drawn, Value::Int(_)], true) => {
            fence(drawn).map(Some).map(Swap::Swapped)
        }
        (_, [Value::Int(0), drawn, Value::Int(_)], true) => fence(drawn).map(Some).map(Swap::Found),
        _ => None,
    };
    let others = !matches!(parts(value).last(), Some(Value::Int(0)));
    swap.map(|swap| Swapped { swap, others })
        .ok_or_else(|| unexpected(value))
}

/// The answer of a script that joins.
pub(super) fn joined(value: &Value, fenced: bool) -> Result<Joined, StoreError> {
    let answer = match parts(value) {
        [Value::Int(code @ (0 | 1)), drawn @ ..] => {
            let fence = drawn.first().and_then(fence);
            let answer = if *code == 1 {
                Joined::Granted
            } else {
                Joined::Ours
            };
            (fence.is_some() == fenced).then(|| answer(fence))
        }
        [
            Value::Int(2),
            held,
            Value::Int(left),
            Value::Int(joined),
            Value::Int(first),
        ] => {
            let stored = match held {
                Value::BulkString(bytes) => Some(Stored::Value(bytes.clone())),
                Value::Int(0) => Some(Stored::OtherType),
                _ => None,
            };
            stored.map(|stored| Joined::Held {
                stored,
                // Negative: it does not expire.
                left: u64::try_from(*left).ok().map(Duration::from_millis),
                position: position(*joined, *first),
            })
        }
        _ => None,
    };
    answer.ok_or_else(|| unexpected(value))
}

fn position(joined: i64, first: i64) -> Option<Position> {
    (joined >= 0).then_some(Position {
        joined_now: joined == 1,
        first: first == 1,
    })
}

/// The answer of the script that passes a lock on.
pub(super) fn passed(value: &Value) -> Result<Passed, StoreError> {
    let (code, [joined, first, served, others]) = match (value, parts(value)) {
        // Nobody else is there.
        (Value::Int(code @ (1 | -2)), _) => (*code, [-1, 0, 0, 0]),
        (_, [code, rest @ ..]) => {
            let rest: Result<Vec<i64>, _> = rest.iter().map(integer).collect();
            let rest = rest?.try_into().map_err(|_| unexpected(value))?;
            (integer(code)?, rest)
        }
        _ => return Err(unexpected(value)),
    };
    let release = match code {
        2 => Release::HandedOver,
        1 => Release::Deleted,
        0 => Release::Missing,
        -1 => Release::NotOurs,
        -2 => Release::NotDeleted,
        _ => return Err(unexpected(value)),
    };
    let position = position(joined, first).filter(|_| served == 0);
    Ok(Passed {
        release,
        others: others == 1,
        position,
        served: served == 1,
    })
}

/// The answer of the fence script.
pub(super) fn fenced(value: Value) -> Result<Fenced, StoreError> {
    if matches!(value, Value::Array(_)) {
        let answer = match parts(&value) {
            [Value::Int(1), drawn] => fence(drawn).map(Fenced::Granted),
            [Value::Int(0), drawn] => fence(drawn).map(Fenced::Ours),
            _ => None,
        };
        return answer.ok_or_else(|| unexpected(&value));
    }
    match stored(value)? {
        Some(stored) => Ok(Fenced::Held(stored)),
        None => Err(unexpected(&Value::Nil)),
    }
}

/// A fence key in which no number stands, or none that could grow.
pub(super) fn no_fence(key: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::Refused,
        format!(
            "the fence key `{}` holds no fencing token; see who wrote it, then DEL it",
            key.escape_debug()
        ),
    )
}

/// An answer that makes no sense may follow from a command that ran: it counts as none.
pub(super) fn unexpected(value: &Value) -> StoreError {
    let kind = match value {
        Value::Array(_) | Value::Set(_) => "an array",
        Value::Map(_) => "a map",
        Value::Nil => "nil",
        Value::Int(_) => "a number",
        _ => "an unexpected type",
    };
    StoreError::new(
        StoreErrorKind::Disconnected,
        format!(
            "the server answered with {kind}, which the command cannot give; is a proxy in between?"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_cut_short_and_escaped() {
        let words = "unknown command 'HELLO', with args beginning with: 'AUTH' 'me' 'secret'";
        assert_eq!(before_arguments(words), "unknown command 'HELLO'");
        assert_eq!(quoted("a\u{1b}[31m\n"), "a\\u{1b}[31m\\n");
        assert_eq!(quoted(&"é".repeat(500)).chars().count(), 160);
    }

    #[test]
    fn a_swap_tells_a_fence_where_one_was_to_be_drawn_and_nowhere_else() {
        let number = Value::Int;
        let plain = Value::Array(vec![number(1), number(0)]);
        let drawn = Value::BulkString(b"7".to_vec());
        let with_fence = Value::Array(vec![number(1), drawn, number(0)]);
        let swap = |value, fenced| swapped(value, fenced).ok().map(|told| told.swap);
        assert_eq!(swap(&plain, false), Some(Swap::Swapped(None)));
        let fence = Some(FencingToken::new(7));
        assert_eq!(swap(&with_fence, true), Some(Swap::Swapped(fence)));
        assert_eq!((swap(&plain, true), swap(&with_fence, false)), (None, None));
        assert_eq!(swap(&number(0), true), Some(Swap::Missing));
    }
}
