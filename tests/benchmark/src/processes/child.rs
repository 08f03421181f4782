//! A process in a role, and what it says line by line. It ends with this value.

use std::io::BufRead;
use std::io::BufReader;
use std::process::ChildStdout;

use tests::Process;

use crate::bench::Error;

/// What `main` looks for.
pub(crate) const MARK: &str = "child";

/// What a child says when it cannot go on.
pub(crate) const FAILED: &str = "failed: ";

pub(crate) struct Child {
    process: Process,
    output: BufReader<ChildStdout>,
}

impl Child {
    pub(crate) fn start(role: &str, words: &[String]) -> Result<Self, Error> {
        let program = std::env::current_exe()?.to_string_lossy().into_owned();
        let mut all = vec![program, MARK.to_owned(), role.to_owned()];
        all.extend_from_slice(words);
        let mut process = Process::new(&all, true, None);
        let output = process.output().ok_or("its output was taken")?;
        process.start();
        Ok(Self { process, output })
    }

    /// The next line. Blocks.
    pub(crate) fn line(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        match line.strip_prefix(FAILED) {
            Some(reason) => Err(reason.trim().into()),
            None => Ok(line.trim().to_owned()),
        }
    }

    /// What the tokens of its locks say of their process.
    pub(crate) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// SIGSTOP, until it stands still.
    pub(crate) fn stop(&self) {
        self.process.stop();
    }

    /// SIGCONT.
    pub(crate) fn go_on(&self) {
        self.process.go_on();
    }

    /// SIGKILL.
    pub(crate) fn kill(&self) {
        self.process.kill();
    }
}
