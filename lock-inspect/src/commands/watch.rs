//! All locks, again and again.

use std::io::{self, Write};
use std::time::Duration;

use tokio::time::sleep;

use crate::arguments::Place;
use crate::history::History;
use crate::json::{self, Tokens};
use crate::length::short;
use crate::pattern::Pattern;
use crate::screen::{self, Screen};
use crate::search::{Look, look};
use crate::server::Server;
use crate::signal::End;
use crate::table::{Row, wrapped};
use crate::trouble::{Ending, Trouble};

use super::list::{report, under};

pub(crate) async fn watch(
    place: &Place,
    asked: Option<&Pattern>,
    every: Duration,
    times: Option<u64>,
    json: bool,
) -> Result<Ending, Trouble> {
    // A wrong address is told once, and not for ever.
    let server = Server::connect(place).await?;
    let address = server.address().to_owned();
    let paints = !json && Screen::is_there();
    // Before there is a picture that would be left behind; without one SIGHUP and SIGQUIT mean what they do
    // to any program.
    let (mut end, screen) = if paints {
        (End::of_picture()?, Screen::open())
    } else {
        (End::of_program()?, None)
    };
    let mut picture = Picture {
        place,
        asked,
        address,
        screen,
        json,
        looks: 0,
    };
    tokio::select! {
        biased;
        () = end.told() => {}
        watched = picture.keep(server, every, times) => watched?,
    }
    Ok(Ending::Fine)
}

struct Picture<'a> {
    place: &'a Place,
    asked: Option<&'a Pattern>,
    address: String,
    screen: Option<Screen>,
    json: bool,
    looks: u64,
}

impl Picture<'_> {
    /// A server that goes away is told, and asked again: it may be why somebody watches. The last look is
    /// not: what is in its way is the end.
    async fn keep(
        &mut self,
        server: Server,
        every: Duration,
        times: Option<u64>,
    ) -> Result<(), Trouble> {
        let mut history = History::default();
        let mut server = Some(server);
        loop {
            let is_last = times.is_some_and(|times| self.looks + 1 >= times);
            match self.look(&mut server).await {
                Ok(found) => {
                    let rows = history.rows(&found);
                    self.show(&rows, &found)?;
                }
                Err(trouble) if is_last => return Err(trouble),
                Err(trouble) => {
                    server = None;
                    self.tell(&trouble)?;
                }
            }
            if is_last {
                return Ok(());
            }
            self.looks += 1;
            sleep(every).await;
        }
    }

    async fn look(&self, server: &mut Option<Server>) -> Result<Look, Trouble> {
        let server = match server {
            Some(server) => server,
            None => server.insert(Server::connect(self.place).await?),
        };
        look(server, self.place, self.asked, |_| true, None).await
    }

    fn show(&self, rows: &[Row<'_>], found: &Look) -> io::Result<()> {
        if self.json {
            let object = json::look(rows, found, &self.place.prefix, Tokens::Told);
            return writeln!(io::stdout(), "{object}");
        }
        let width = screen::width();
        let leaks = rows.iter().filter(|row| row.leak.is_some()).count();
        let leaks = leaks as u64 + found.leaks_not_listed;
        let head = format!(
            "{} {}: {} locks, {leaks} leaks, found in {}",
            self.address,
            under(found, self.place),
            rows.len(),
            short(found.took)
        );
        let mut lines = wrapped(&head, width.unwrap_or(usize::MAX));
        lines.extend(report(rows, found, self.place, &self.address, width));
        self.write(&lines)
    }

    fn tell(&self, trouble: &Trouble) -> io::Result<()> {
        if self.json {
            return writeln!(io::stderr(), "{trouble}");
        }
        let room = screen::width().unwrap_or(usize::MAX);
        self.write(&wrapped(&format!("{trouble}. Trying again."), room))
    }

    fn write(&self, lines: &[String]) -> io::Result<()> {
        if let Some(screen) = &self.screen {
            return screen.paint(lines);
        }
        let mut text = lines.join("\n");
        text.push('\n');
        if self.looks > 0 {
            text.insert(0, '\n');
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}
