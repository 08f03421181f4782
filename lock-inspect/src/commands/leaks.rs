//! Locks that stay.

use std::io::{self, BufWriter, Write};

use crate::arguments::{Form, Place};
use crate::history::History;
use crate::json::{self, Tokens};
use crate::leak::leak;
use crate::pattern::Pattern;
use crate::progress::Progress;
use crate::screen;
use crate::search::look;
use crate::server::Server;
use crate::table::wrapped;
use crate::trouble::{Ending, Trouble};

use super::list::{none, report};

pub(crate) async fn leaks(
    place: &Place,
    asked: Option<&Pattern>,
    form: Form,
) -> Result<Ending, Trouble> {
    let mut server = Server::connect(place).await?;
    let progress = Progress::begin(&mut server).await;
    let is_leak = |lock: &crate::lock::Lock| leak(lock).is_some();
    let found = look(&mut server, place, asked, is_leak, Some(progress)).await?;
    let rows = History::default().rows(&found);
    let mut out = BufWriter::new(io::stdout().lock());
    let width = screen::width();
    if form.json {
        let object = json::look(&rows, &found, &place.prefix, Tokens::Told);
        writeln!(out, "{object:#}")?;
    } else if rows.is_empty() {
        for line in none("leaks", &found, place, server.address()) {
            writeln!(out, "{line}")?;
        }
    } else {
        for line in report(&rows, &found, place, server.address(), width) {
            writeln!(out, "{line}")?;
        }
        let listed = rows.len();
        let count = match (found.leaks_not_listed, listed) {
            (0, 1) => "1 leak listed".to_owned(),
            (0, _) => format!("{listed} leaks listed"),
            (more, _) => format!("{} leaks, {listed} of them listed", more + listed as u64),
        };
        let advice = format!(
            "{count}. See `lock-inspect show KEY` and `lock-inspect release KEY --token TOKEN`."
        );
        for line in wrapped(&advice, width.unwrap_or(usize::MAX)) {
            writeln!(out, "{line}")?;
        }
    }
    out.flush()?;
    Ok(if rows.is_empty() && found.not_listed == 0 {
        Ending::Fine
    } else {
        Ending::Found
    })
}
