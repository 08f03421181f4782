//! All locks, once.

use std::io::{self, BufWriter, Write};

use crate::arguments::{Form, Place};
use crate::history::History;
use crate::json::{self, Tokens};
use crate::pattern::Pattern;
use crate::progress::Progress;
use crate::screen;
use crate::search::{Look, look};
use crate::server::Server;
use crate::shown::shown;
use crate::table::{self, Row};
use crate::trouble::{Ending, Trouble};

pub(crate) async fn list(
    place: &Place,
    asked: Option<&Pattern>,
    form: Form,
) -> Result<Ending, Trouble> {
    let mut server = Server::connect(place).await?;
    let progress = Progress::begin(&mut server).await;
    let found = look(&mut server, place, asked, |_| true, Some(progress)).await?;
    let rows = History::default().rows(&found);
    let mut out = BufWriter::new(io::stdout().lock());
    if form.json {
        let object = json::look(&rows, &found, &place.prefix, Tokens::Told);
        writeln!(out, "{object:#}")?;
    } else {
        for line in report(&rows, &found, place, server.address(), screen::width()) {
            writeln!(out, "{line}")?;
        }
    }
    out.flush()?;
    Ok(Ending::Fine)
}

/// The table, and what is to be said below it.
pub(super) fn report(
    rows: &[Row<'_>],
    found: &Look,
    place: &Place,
    address: &str,
    width: Option<usize>,
) -> Vec<String> {
    let mut lines = if rows.is_empty() {
        // The wrong server would look the same.
        none("locks", found, place, address)
    } else {
        table::lines(rows, width)
    };
    if let Some(words) = not_listed(found) {
        lines.push(words);
    }
    let fit = |line: String| width.map_or(line.clone(), |width| table::middle(&line, width));
    lines.into_iter().map(fit).collect()
}

/// What was looked at: the prefix, and the pattern if there is one.
pub(super) fn under(found: &Look, place: &Place) -> String {
    let prefix = shown(place.prefix.as_bytes());
    match &found.matching {
        Some(words) => format!("`{prefix}` that match `{words}`"),
        None => format!("`{prefix}`"),
    }
}

/// That nothing was found, and why that may be.
pub(super) fn none(what: &str, found: &Look, place: &Place, address: &str) -> Vec<String> {
    let mut lines = vec![format!(
        "no {what} under {} on {address}",
        under(found, place)
    )];
    let prefix = shown(place.prefix.as_bytes());
    if found
        .matching
        .as_ref()
        .is_some_and(|words| !prefix.is_empty() && words.starts_with(&prefix))
    {
        lines.push("the prefix is put before a pattern: leave it out".to_owned());
    }
    lines
}

/// How many foreign keys were left out.
pub(super) fn not_listed(found: &Look) -> Option<String> {
    let leaks = match found.leaks_not_listed {
        0 => String::new(),
        leaks => format!(", {leaks} of them leaks"),
    };
    let left_out = found.not_listed;
    (left_out > 0).then(|| format!("and {left_out} foreign keys more{leaks}: see --foreign"))
}
