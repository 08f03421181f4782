//! Stops a process at a moment at which it waits.

use std::time::Duration;

use lock_runtime::Holder;
use redis::Value;
use tests::{Server, clock};

use super::child::Child;
use super::taker::KEY;
use crate::bench::Error;

/// So long what it had sent when it was stopped may be under way.
const UNDER_WAY: Duration = Duration::from_millis(5);

/// Between two attempts it runs on: not in step with its turns.
const RUNS_ON: Duration = Duration::from_micros(13_700);

/// Stops it, and lets it go on if the lock is its own: it may be in a section then, which nobody can end
/// in time. What is passed on to it while it stands still is what the row is about. Says when it was
/// stopped for good.
pub(super) fn waiting(child: &Child, server: &Server) -> Result<Duration, Error> {
    let id = child.id().ok_or("it has no process id")?;
    let mut connection = redis::Client::open(server.url())?.get_connection()?;
    let key = format!("lock:{KEY}");
    loop {
        let at = clock();
        child.stop();
        std::thread::sleep(UNDER_WAY);
        let stored: Value = redis::cmd("GET").arg(&key).query(&mut connection)?;
        let Value::BulkString(stored) = stored else {
            return Ok(at);
        };
        let own = matches!(Holder::parse(&stored), Holder::Owner(owner) if owner.pid == id);
        if !own {
            return Ok(at);
        }
        child.go_on();
        std::thread::sleep(RUNS_ON);
    }
}
