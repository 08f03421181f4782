//! How far a search is, on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use redis::cmd;

use crate::server::Server;

/// A search that is done by then needs no words.
const PATIENCE: Duration = Duration::from_millis(400);
/// Between two words: on a terminal, where one replaces the other, and elsewhere.
const OFTEN: Duration = Duration::from_millis(200);
const SELDOM: Duration = Duration::from_secs(5);

/// Ends its line on a terminal when it is dropped.
pub(crate) struct Progress {
    all: Option<u64>,
    looked_at: u64,
    next: Instant,
    on_terminal: bool,
    has_spoken: bool,
}

impl Progress {
    pub(crate) async fn begin(server: &mut Server) -> Self {
        let on_terminal = io::stderr().is_terminal();
        let first = if on_terminal { PATIENCE } else { SELDOM };
        Self {
            // A user who may not ask is told no total.
            all: server.ask(&cmd("DBSIZE")).await.ok(),
            looked_at: 0,
            next: Instant::now() + first,
            on_terminal,
            has_spoken: false,
        }
    }

    pub(crate) fn step(&mut self, keys: u32, found: usize) {
        self.looked_at += u64::from(keys);
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + if self.on_terminal { OFTEN } else { SELDOM };
        self.has_spoken = true;
        let words = match self.all {
            // A step is a wish; the server may look at a few more or less.
            Some(all) => format!("{} of some {all} keys", self.looked_at.min(all)),
            None => format!("{} keys", self.looked_at),
        };
        let words = format!("looked at {words}, {found} found");
        // Nobody hears it: the search goes on.
        let _ = if self.on_terminal {
            write!(io::stderr(), "\r{words}\u{1b}[K").and_then(|()| io::stderr().flush())
        } else {
            writeln!(io::stderr(), "{words}")
        };
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.on_terminal && self.has_spoken {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}
