//! Giving a lock back for somebody else.

use std::io::{self, BufRead, IsTerminal, Write};

use lock_runtime::{Holder, KeyNames};
use redis::{Value, cmd};

use crate::arguments::Place;
use crate::length::short;
use crate::lock::Lock;
use crate::reading::read;
use crate::server::Server;
use crate::shown::shown;
use crate::trouble::{Ending, Trouble};

use super::given;

/// Compares and deletes: 1 deleted, 0 no such key, -1 another value, -2 not deleted.
const SCRIPT: &str = "local held = redis.pcall('GET', KEYS[1])\n\
     if not held then return 0 end\n\
     if type(held) == 'table' then\n\
     if string.find(held.err or '', 'WRONGTYPE', 1, true) then return -1 end\n\
     return held\n\
     end\n\
     if held ~= ARGV[1] then return -1 end\n\
     return redis.call('DEL', KEYS[1]) == 1 and 1 or -2";

/// By what right.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By<'a> {
    /// The lock must hold this token.
    Token(&'a str),
    /// Whatever it holds, once it is shown; without asking if `yes`.
    Force { yes: bool },
}

impl<'a> By<'a> {
    /// As the arguments say.
    pub(crate) fn new(token: Option<&'a str>, force: bool, yes: bool) -> Result<Self, Trouble> {
        match token {
            Some(token) => Ok(Self::Token(token)),
            None if force => Ok(Self::Force { yes }),
            None => Err(Trouble::Usage(
                "a lock is released by its token: give `--token`, which `lock-inspect show KEY` \
                 prints, or `--force` to release whatever is there"
                    .to_owned(),
            )),
        }
    }
}

pub(crate) async fn release(place: &Place, key: &str, by: By<'_>) -> Result<Ending, Trouble> {
    let key = given("key", key)?;
    let names = KeyNames::new(&place.prefix);
    let name = [place.prefix.as_bytes(), &key].concat();
    if names.key_of(&name).is_none() {
        return Err(Trouble::Usage(format!(
            "`{}` is no lock: names under `fence:` and `line:{{` belong to one",
            shown(&key)
        )));
    }
    let token = match by {
        By::Token(token) => Some(given("token", token)?),
        By::Force { yes } => {
            let yes = if yes { Answer::Given } else { Answer::Wanted };
            let mut server = Server::connect(place).await?;
            let there = read(&mut server, &names, std::slice::from_ref(&name)).await?;
            let Some(lock) = there.into_iter().next() else {
                return say_free(&key);
            };
            // The connection is not kept over the question: its answer may take minutes.
            drop(server);
            may(&lock, yes)?.then_some(lock.value)
        }
    };
    let Some(token) = token else {
        println_out("not released")?;
        return Ok(Ending::Found);
    };
    let mut server = Server::connect(place).await?;
    let mut eval = cmd("EVAL");
    eval.arg(SCRIPT).arg(1).arg(&name).arg(&token);
    let shown_key = shown(&key);
    match server.ask(&eval).await? {
        Value::Int(1) => {
            println_out(&format!("released `{shown_key}`"))?;
            return Ok(Ending::Fine);
        }
        Value::Int(0) => return say_free(&key),
        Value::Int(-2) => {
            println_out(&format!(
                "not released: the server kept `{shown_key}`, see its log"
            ))?;
        }
        Value::Int(-1) => {
            let there = read(&mut server, &names, &[name]).await?;
            let holder = there.first().map_or("nobody".to_owned(), Lock::held_by);
            println_out(&format!(
                "not released: `{shown_key}` does not hold this token, it is held by {holder}; \
                 see `lock-inspect show`"
            ))?;
        }
        _ => {
            return Err(Trouble::Refused(
                "the server answered the script with no number; is a proxy in between?".to_owned(),
            ));
        }
    }
    Ok(Ending::Found)
}

fn say_free(key: &[u8]) -> Result<Ending, Trouble> {
    println_out(&format!("nothing to release: `{}` is free", shown(key)))?;
    Ok(Ending::Found)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Given,
    Wanted,
}

/// Shows the holder and the risk, and asks unless the answer is given.
fn may(lock: &Lock, answer: Answer) -> Result<bool, Trouble> {
    let mut err = io::stderr().lock();
    let name = lock.name();
    writeln!(err, "`{name}` is held by {}", lock.held_by())?;
    if lock.holder == Holder::NotALock || lock.is_cut() {
        writeln!(
            err,
            "That is no lock of this library: let whoever wrote it release it."
        )?;
        return Ok(false);
    }
    if let Some(age) = lock.age() {
        writeln!(err, "age {}, left {}", short(age), lock.left())?;
    } else {
        writeln!(err, "left {}", lock.left())?;
    }
    writeln!(
        err,
        "If that holder still works, another one starts beside it: what the lock protects is \n\
         then done twice, or by two at a time. It learns of it at its next renewal, or at its \n\
         end. Release it only if it is dead, or if the resource refuses old fencing tokens."
    )?;
    if answer == Answer::Given {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        return Err(Trouble::Usage(
            "--force asks, and there is no terminal to ask on: add --yes if you are sure"
                .to_owned(),
        ));
    }
    write!(err, "Release it? Type yes: ")?;
    err.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().eq_ignore_ascii_case("yes"))
}

fn println_out(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
