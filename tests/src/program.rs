//! A program under test, as its user runs it: what it says, how it is ended, and with what code.

use std::ffi::OsStr;
use std::io::BufRead;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep, timeout_at};

use crate::process::Process;

/// What a program may take for what is waited for, however much it says meanwhile, before it counts as stuck.
const PATIENCE: Duration = Duration::from_mins(2);

/// A program that runs, and ends with this value at the latest.
#[derive(Debug)]
pub struct Program {
    process: Process,
    lines: UnboundedReceiver<String>,
    told: String,
}

/// How a program has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code, or 128 and the signal that ended it.
    pub code: i32,
    /// All that it said, errors included.
    pub told: String,
}

impl Program {
    /// Starts it: the program and its arguments, behind `env` and variables where it needs these.
    ///
    /// # Panics
    ///
    /// If there is no shell.
    #[must_use]
    pub fn start<S: AsRef<OsStr>>(words: &[S]) -> Self {
        let mut process = Process::new(words, true, None);
        let output = process.output().expect("is heard");
        let (sender, lines) = unbounded_channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        process.start();
        Self {
            process,
            lines,
            told: String::new(),
        }
    }

    /// The next line, or `None` where it has ended, and whatever it had started with its output.
    async fn line(&mut self, deadline: Instant) -> Option<String> {
        let line = timeout_at(deadline, self.lines.recv()).await;
        let line = line.unwrap_or_else(|_| panic!("waited in vain: {}", self.told))?;
        self.told += &line;
        self.told.push('\n');
        Some(line)
    }

    /// What follows `words` in the first line from here on that has them.
    ///
    /// # Panics
    ///
    /// If no such line comes.
    pub async fn after(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        while let Some(line) = self.line(deadline).await {
            if let Some((_, rest)) = line.split_once(words) {
                return rest.to_owned();
            }
        }
        panic!("it ended without `{words}`: {}", self.told)
    }

    /// The port of a service, which says `listening on http://127.0.0.1:80` or the like.
    ///
    /// # Panics
    ///
    /// If it does not say so.
    pub async fn port(&mut self) -> u16 {
        let place = self.after("listening on ").await;
        let port = place.trim_end_matches('/').rsplit(':').next();
        let port = port.and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("no port: {place}"))
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// SIGSTOP.
    pub fn stop(&self) {
        self.process.stop();
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        self.process.go_on();
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Waits until it has ended, with all processes of its own that share its output.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub async fn ended(self) -> Ended {
        self.ended_within(PATIENCE).await
    }

    async fn ended_within(mut self, patience: Duration) -> Ended {
        let deadline = Instant::now() + patience;
        while self.line(deadline).await.is_some() {}
        let Self { process, told, .. } = self;
        // It may have closed its output and go on.
        while !process.has_ended() {
            assert!(Instant::now() < deadline, "it goes on in silence: {told}");
            sleep(Duration::from_millis(1)).await;
        }
        let code = process.wait().expect("was started");
        Ended { code, told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_is_heard_to_its_end() {
        let mut echo = Program::start(&[
            "sh",
            "-c",
            "echo listening on http://[::1]:80/; echo no >&2; exit 3",
        ]);
        assert_eq!(echo.port().await, 80);
        let Ended { code, told } = echo.ended().await;
        assert_eq!(
            (code, told.as_str()),
            (3, "listening on http://[::1]:80/\nno\n")
        );
    }

    #[tokio::test]
    async fn a_program_ends_as_it_is_told() {
        let mut polite = Program::start(&[
            "sh",
            "-c",
            "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done",
        ]);
        assert_eq!(polite.after("ready").await, "");
        polite.terminate();
        assert_eq!(polite.ended().await.code, 5);
        let killed = Program::start(&["sleep", "60"]);
        killed.kill();
        assert_eq!(killed.ended().await.code, 128 + 9);
    }

    #[tokio::test]
    #[should_panic(expected = "waited in vain: on\non\n")]
    async fn a_program_that_talks_on_is_not_waited_for() {
        let chatty = Program::start(&["sh", "-c", "while :; do echo on; sleep 0.02; done"]);
        chatty.ended_within(Duration::from_millis(500)).await;
    }

    #[tokio::test]
    #[should_panic(expected = "it goes on in silence: off\n")]
    async fn a_program_that_falls_silent_is_not_waited_for() {
        let silent = Program::start(&["sh", "-c", "echo off; exec >&- 2>&-; exec sleep 60"]);
        silent.ended_within(Duration::from_millis(500)).await;
    }
}
