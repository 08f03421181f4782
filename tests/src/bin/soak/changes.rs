//! Locks that change hands without having been free, by the server's own account.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How many there were.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// From one waiter of a process to the next.
    pub(crate) handed_over: AtomicU64,
    /// From one process to another.
    pub(crate) passed_on: AtomicU64,
}

impl Changes {
    /// Counts what the server does until it is dropped; what it does while nobody listens, right after
    /// it was started, is not counted.
    pub(crate) async fn count(self: Arc<Self>, port: u16) {
        loop {
            // It ends with every server that is killed.
            let _ = self.listen(port).await;
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn listen(&self, port: u16) -> io::Result<()> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let mut stream = BufReader::new(stream);
        stream.write_all(b"MONITOR\r\n").await?;
        let mut script = None;
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).await? > 0 {
            let text = String::from_utf8_lossy(&line);
            let words: Vec<&str> = text.split('"').skip(1).step_by(2).collect();
            if text.contains(" lua] ") {
                if let Some(script) = &mut script {
                    Script::does(script, &words);
                }
            } else {
                if let Some(script) = script.take() {
                    self.note(&script);
                }
                script = Script::called(&words);
            }
            line.clear();
        }
        Ok(())
    }

    fn note(&self, script: &Script) {
        let Some(new) = &script.new else { return };
        if script.swaps {
            self.handed_over.fetch_add(1, Ordering::Relaxed);
        } else if process(new) != process(&script.old) {
            self.passed_on.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A script that puts one token in the place of another.
#[derive(Debug, PartialEq, Eq)]
struct Script {
    key: String,
    old: String,
    /// Whether the one who gives it back has named the next.
    swaps: bool,
    /// What it has put there.
    new: Option<String>,
}

impl Script {
    /// By its arguments.
    fn called(words: &[&str]) -> Option<Self> {
        let ["EVALSHA" | "EVAL", _, count, rest @ ..] = words else {
            return None;
        };
        let (keys, arguments) = rest.split_at_checked(count.parse().ok()?)?;
        let (old, swaps) = match arguments {
            [old] => (old, false),
            [old, _, _] => (old, true),
            // A head that joins says its ttl, one that passes on who leaves.
            [old, leaving, _, _] if leaving.parse::<u64>().is_err() => (old, false),
            _ => return None,
        };
        Some(Self {
            key: (*keys.first()?).to_owned(),
            old: (*old).to_owned(),
            swaps,
            new: None,
        })
    }

    fn does(&mut self, words: &[&str]) {
        let [name, key, rest @ ..] = words else {
            return;
        };
        if *key != self.key {
            return;
        }
        if name.eq_ignore_ascii_case("SET") {
            self.new = rest.first().map(|new| (*new).to_owned());
        } else if name.eq_ignore_ascii_case("DEL") {
            // Nobody could be told.
            self.new = None;
        }
    }
}

/// By a token's label.
fn process(token: &str) -> Option<&str> {
    token.split('|').nth(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "1|host|7|f|1|400|0";

    #[test]
    fn swaps_and_passes_are_told_from_the_rest() {
        let key = "lock:counter:1";
        let swap = Script::called(&[
            "EVALSHA",
            "abc",
            "2",
            key,
            "line",
            OLD,
            "2|host|7|f|1|400|0",
            "400",
        ]);
        let mut swap = swap.expect("a swap");
        swap.does(&["get", key]);
        assert_eq!((swap.swaps, &swap.new), (true, &None));
        swap.does(&["SET", "lock:fence:{counter:1}", "12", "PX", "86400000"]);
        assert_eq!(swap.new, None);
        swap.does(&["SET", key, "2|host|7|f|1|400|0", "PX", "400"]);
        assert_eq!(swap.new.as_deref(), Some("2|host|7|f|1|400|0"));
        let pass = Script::called(&["EVALSHA", "abc", "2", key, "line", OLD, "", "", ""]);
        let mut pass = pass.expect("a pass");
        pass.does(&["SET", key, "3|host|8|f|1|400|0", "PX", "200"]);
        assert!(!pass.swaps && pass.new.as_deref().map(process) == Some(Some("8")));
        pass.does(&["DEL", key]);
        assert_eq!(pass.new, None);
        let released = Script::called(&["EVALSHA", "abc", "2", key, "line", OLD]);
        assert!(released.is_some_and(|released| !released.swaps && released.old == OLD));
        let join = [
            "EVALSHA", "abc", "2", key, "line", OLD, "400", "entry", "900",
        ];
        assert_eq!(Script::called(&join), None);
        assert_eq!(
            Script::called(&["EVALSHA", "abc", "1", key, OLD, "400"]),
            None
        );
        assert_eq!(Script::called(&["GET", key]), None);
    }
}
