//! Other processes: this program started again, in a role.

mod bare_line;
pub(crate) mod child;
pub(crate) mod crew;
pub(crate) mod holder;
mod keys;
mod news;
mod race;
mod stop;
mod taker;

use crate::bench::{Bench, Error};

/// Plays the role that the words begin with.
pub(crate) fn play(mut words: impl Iterator<Item = String>) -> Result<(), Error> {
    let role = words.next().ok_or("no role")?;
    let words: Vec<String> = words.collect();
    Bench::runtime()?.block_on(async move {
        match role.as_str() {
            "holder" => holder::run(&words).await,
            "keys" => keys::run(&words).await,
            "taker" => taker::run(&words).await,
            _ => Err(format!("no such role: {role}").into()),
        }
    })
}

/// The word at a place, read as what it is to be.
fn word<T>(words: &[String], at: usize) -> Result<T, Error>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    Ok(words.get(at).ok_or("a word is missing")?.parse()?)
}
