//! One lock, with what is kept beside it.

use std::io::{self, Write};
use std::time::Duration;

use lock_runtime::{Head, Holder, KeyNames};
use redis::Value;
use serde_json::json;

use crate::arguments::{Form, Place};
use crate::history::History;
use crate::json::{self as as_json, Tokens};
use crate::length::short;
use crate::lock::Lock;
use crate::reading::read;
use crate::screen;
use crate::search::Look;
use crate::server::Server;
use crate::shown::shown;
use crate::table::Row;
use crate::trouble::{Ending, Trouble};

use super::given;

/// More of a line than anybody reads.
const IN_LINE: isize = 100;

/// What is kept beside a lock.
#[derive(Debug, Default)]
struct Beside {
    /// The last fencing token drawn.
    fence: Option<String>,
    /// The first of each client that waits, and how many there are in all.
    line: Vec<Option<Holder>>,
    in_line: u64,
}

pub(crate) async fn show(place: &Place, key: &str, form: Form) -> Result<Ending, Trouble> {
    let key = given("key", key)?;
    let names = KeyNames::new(&place.prefix);
    let name = [place.prefix.as_bytes(), &key].concat();
    let mut server = Server::connect(place).await?;
    let there = read(&mut server, &names, &[name]).await?;
    let beside = beside(&mut server, &names, &key).await?;
    let found = Look {
        locks: there.into_iter().map(|lock| (key.clone(), lock)).collect(),
        ..Look::default()
    };
    let row = History::default().rows(&found).pop();
    let mut out = io::stdout().lock();
    if form.json {
        let line: Vec<_> = beside
            .line
            .iter()
            .map(|waiter| waiter_json(waiter.as_ref()))
            .collect();
        let object = json!({
            "key": shown(&key),
            "lock": row.as_ref().map(|row| as_json::lock(row, Tokens::Told)),
            "fence": beside.fence,
            "waiting_clients": beside.in_line,
            "line": line,
        });
        writeln!(out, "{object:#}")?;
    } else {
        let room = screen::width().unwrap_or(usize::MAX);
        for (title, text) in facts(&key, place, row.as_ref(), &beside) {
            write_fact(&mut out, room, title, &text)?;
        }
    }
    Ok(match row {
        Some(_) => Ending::Fine,
        None => Ending::Found,
    })
}

async fn beside(server: &mut Server, names: &KeyNames, key: &[u8]) -> Result<Beside, Trouble> {
    let mut beside = Beside::default();
    let Ok(key) = std::str::from_utf8(key) else {
        return Ok(beside);
    };
    let mut pipeline = redis::pipe();
    // Of a name that cannot be, nothing is found.
    pipeline
        .cmd("GET")
        .arg(names.fence(key).unwrap_or_default());
    let line = names.line(key).unwrap_or_default();
    pipeline.cmd("ZCARD").arg(&line);
    pipeline.cmd("ZRANGE").arg(&line).arg(0).arg(IN_LINE - 1);
    let mut answers = server.ask_all(&mut pipeline).await?.into_iter();
    // Whoever may not read one of these, or finds another type there, sees the rest.
    if let Some(Ok(Value::BulkString(fence))) = answers.next() {
        beside.fence = Some(shown(&fence));
    }
    if let Some(Ok(Value::Int(count))) = answers.next() {
        beside.in_line = u64::try_from(count).unwrap_or(0);
    }
    if let Some(Ok(entries)) = answers.next() {
        let entries: Vec<Vec<u8>> = redis::from_redis_value(entries).unwrap_or_default();
        beside.line = entries.iter().map(|entry| Head::read(entry)).collect();
    }
    Ok(beside)
}

fn facts(
    key: &[u8],
    place: &Place,
    row: Option<&Row<'_>>,
    beside: &Beside,
) -> Vec<(&'static str, String)> {
    let mut facts = vec![("key", shown(key))];
    let name = [place.prefix.as_bytes(), key].concat();
    facts.push(("on the server", shown(&name)));
    match row {
        Some(row) => about_lock(&mut facts, row),
        None if key.starts_with(place.prefix.as_bytes()) && !place.prefix.is_empty() => {
            let words = "free; the prefix is put before it, leave it out of the key";
            facts.push(("held by", words.to_owned()));
        }
        None => facts.push(("held by", "nobody: the lock is free".to_owned())),
    }
    if let Some(fence) = &beside.fence {
        facts.push(("last fence", fence.clone()));
    }
    if beside.in_line > 0 {
        let count = beside.in_line;
        facts.push(("in line", format!("{count}, the first of each client")));
        for waiter in &beside.line {
            facts.push(("", waiter_words(waiter.as_ref())));
        }
    }
    facts
}

fn about_lock(facts: &mut Vec<(&'static str, String)>, row: &Row<'_>) {
    let lock: &Lock = row.lock;
    facts.push(("held by", lock.held_by()));
    if lock.other_type.is_none() {
        let value = shown(&lock.value);
        facts.push(if lock.is_cut() {
            let begins = format!("longer than any token; it begins with {value}");
            ("value", begins)
        } else {
            ("token", value)
        });
    }
    if let (Some(owner), Some(age)) = (lock.owner(), lock.age()) {
        facts.push(("age", short(age)));
        facts.push(("ttl", short(owner.ttl)));
        facts.push(("left", lock.left()));
        if owner.longest_hold > Duration::ZERO {
            facts.push(("longest hold", short(owner.longest_hold)));
        }
        facts.push(("renewing", row.renewal.word().to_owned()));
    } else {
        facts.push(("left", lock.left()));
    }
    if let Some(leak) = &row.leak {
        facts.push(("leak", leak.clone()));
    }
}

fn waiter_words(waiter: Option<&Holder>) -> String {
    match waiter {
        Some(Holder::Owner(owner)) => {
            let (function, host) = (&owner.function, &owner.host);
            let words = format!("{function} on {host} pid {}", owner.pid);
            shown(words.as_bytes())
        }
        _ => "foreign".to_owned(),
    }
}

fn waiter_json(waiter: Option<&Holder>) -> serde_json::Value {
    let words = waiter_words(waiter);
    match waiter {
        Some(holder) => as_json::holder(holder, &words),
        None => json!({ "kind": "foreign", "words": words }),
    }
}

/// A fact on one line, or below its title where the terminal is too narrow. Nothing is cut: a token has to
/// be copied.
fn write_fact(out: &mut impl Write, room: usize, title: &str, text: &str) -> io::Result<()> {
    const TITLE: usize = 15;
    if TITLE + text.chars().count() <= room {
        return writeln!(out, "{title:<TITLE$}{text}");
    }
    if !title.is_empty() {
        writeln!(out, "{title}")?;
    }
    writeln!(out, "  {text}")
}
