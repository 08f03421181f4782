//! A teller's process in the hands of this one: started, heard, stopped and continued.

use std::env;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use examples::Result;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::account::{Answer, Check};
use crate::message::Message;
use crate::teller::Orders;

/// Where the tellers find their lock and their account.
pub(crate) struct Bank {
    pub(crate) url: String,
    pub(crate) database: PathBuf,
}

/// The shell outlives this process however it ends, sees its standard input close, and kills the
/// teller: one that is stopped would stay so for ever.
const WATCHDOG: &str = "cat >/dev/null; kill -9 \"$1\"";

pub(crate) struct Worker {
    /// Ends first, so that it kills nobody else.
    _watchdog: Child,
    child: Child,
    pid: Pid,
    lines: Lines<BufReader<ChildStdout>>,
    answers: ChildStdin,
}

/// What a teller is about to write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Intent {
    pub(crate) fence: u64,
    pub(crate) read: i64,
    pub(crate) new: i64,
}

impl Worker {
    pub(crate) fn start(
        bank: &Bank,
        check: Check,
        tasks: usize,
        lasting: Duration,
    ) -> Result<Self> {
        let orders = Orders {
            url: bank.url.clone(),
            database: bank.database.clone(),
            check,
            tasks,
            lasting,
        };
        let mut child = Command::new(env::current_exe()?)
            .args(orders.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C in a terminal reaches this process alone, which then ends in good order.
            .process_group(0)
            .spawn()?;
        let id = child.id().ok_or("a teller has ended already")?;
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "sh", &id.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .process_group(0)
            .spawn()?;
        let pid = Pid::from_raw(id.cast_signed());
        let stdout = child.stdout.take().ok_or("no output of a teller")?;
        Ok(Self {
            _watchdog: watchdog,
            pid: pid.ok_or("a teller without a number")?,
            lines: BufReader::new(stdout).lines(),
            answers: child.stdin.take().ok_or("no input of a teller")?,
            child,
        })
    }

    /// The next thing it says; `None` when it has ended. Cancellation safety: nothing is lost.
    pub(crate) async fn next(&mut self) -> Result<Option<Message>> {
        let line = self.lines.next_line().await?;
        Ok(line.map(|line| line.parse()).transpose()?)
    }

    /// Waits until it is about to write.
    pub(crate) async fn intent(&mut self) -> Result<Intent> {
        match self.next().await? {
            Some(Message::Writes { fence, read, new }) => Ok(Intent { fence, read, new }),
            other => Err(format!("a teller was to write, but: {other:?}").into()),
        }
    }

    /// Lets it write.
    pub(crate) async fn go(&mut self) -> Result<()> {
        Ok(self.answers.write_all(b"go\n").await?)
    }

    /// Waits for what the database said.
    pub(crate) async fn answer(&mut self) -> Result<Answer> {
        match self.next().await? {
            Some(Message::Wrote(answer)) => Ok(answer),
            other => Err(format!("a teller was to have written, but: {other:?}").into()),
        }
    }

    /// SIGSTOP: not one instruction more until it is continued.
    pub(crate) fn stop(&self) -> Result<()> {
        Ok(kill_process(self.pid, Signal::STOP)?)
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) -> Result<()> {
        Ok(kill_process(self.pid, Signal::CONT)?)
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Result<()> {
        let status = self.child.wait().await?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("a teller ended with {status}").into())
        }
    }
}
