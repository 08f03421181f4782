//! Locks as JSON. Times are milliseconds; keys and values are escaped as everywhere.

use lock_runtime::Holder;
use serde_json::{Map, Value, json};

use crate::length::millis;
use crate::search::Look;
use crate::shown::shown;
use crate::table::Row;

/// Whether tokens, and values that are none, are told: who has one can release the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tokens {
    Told,
    Kept,
}

/// A look, as one object.
pub(crate) fn look(rows: &[Row<'_>], look: &Look, prefix: &str, tokens: Tokens) -> Value {
    let locks: Vec<Value> = rows.iter().map(|row| lock(row, tokens)).collect();
    json!({
        "prefix": shown(prefix.as_bytes()),
        "matching": look.matching,
        "locks": locks,
        "foreign_not_listed": look.not_listed,
        "leaks_not_listed": look.leaks_not_listed,
    })
}

/// A lock, as one object.
pub(crate) fn lock(row: &Row<'_>, tokens: Tokens) -> Value {
    let lock = row.lock;
    let mut object = Map::new();
    object.insert("key".to_owned(), lock.name().into());
    object.insert("held_by".to_owned(), holder(&lock.holder, &lock.held_by()));
    object.insert("age_ms".to_owned(), lock.age().map(millis).into());
    let left = lock.remaining.map(millis);
    object.insert("remaining_ms".to_owned(), left.into());
    object.insert("renewing".to_owned(), row.renewal.word().into());
    object.insert("leak".to_owned(), row.leak.clone().into());
    if tokens == Tokens::Told && lock.other_type.is_none() {
        let name = if lock.is_cut() {
            "value_begins"
        } else {
            "token"
        };
        object.insert(name.to_owned(), shown(&lock.value).into());
    }
    object.into()
}

/// Who holds a lock, or stands in its line.
pub(crate) fn holder(holder: &Holder, words: &str) -> Value {
    match holder {
        Holder::Owner(owner) => json!({
            "kind": "ours",
            "words": words,
            "function": shown(owner.function.as_bytes()),
            "host": shown(owner.host.as_bytes()),
            "pid": owner.pid,
            "taken_ms": millis(owner.taken),
            "ttl_ms": millis(owner.ttl),
            "longest_hold_ms": millis(owner.longest_hold),
        }),
        _ => json!({ "kind": "foreign", "words": words }),
    }
}
