//! The hosts in the hands of this program: started, heard, killed, and told to end.

use std::collections::BTreeMap;
use std::env;
use std::process::{ExitStatus, Stdio};

use examples::Result;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::message::Message;

/// The first argument of a host; the second is the address of its server.
pub(crate) const HOST: &str = "host";

pub(crate) struct Crew {
    url: String,
    hosts: BTreeMap<usize, Child>,
    started: usize,
    said: UnboundedReceiver<(usize, Result<Message, String>)>,
    says: UnboundedSender<(usize, Result<Message, String>)>,
}

impl Crew {
    pub(crate) fn new(url: &str) -> Self {
        let (says, said) = unbounded_channel();
        Self {
            url: url.to_owned(),
            hosts: BTreeMap::new(),
            started: 0,
            said,
            says,
        }
    }

    pub(crate) fn start(&mut self) -> Result<()> {
        let mut child = Command::new(env::current_exe()?)
            .args([HOST, &self.url])
            // Closed when this program ends, however it does: so does the host then.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C in a terminal reaches this process alone, which then ends in good order.
            .process_group(0)
            .spawn()?;
        let output = child.stdout.take().ok_or("no output of a host")?;
        self.started += 1;
        let (number, says) = (self.started, self.says.clone());
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if says.send((number, line.parse())).is_err() {
                    return;
                }
            }
        });
        self.hosts.insert(number, child);
        Ok(())
    }

    /// The next thing that one of them says. Cancellation safety: nothing is lost.
    pub(crate) async fn next(&mut self) -> Result<(usize, Message)> {
        let (number, said) = self.said.recv().await.ok_or("nobody is left")?;
        Ok((number, said?))
    }

    /// SIGKILL: not one instruction more.
    pub(crate) async fn kill(&mut self, number: usize) -> Result<()> {
        if let Some(mut host) = self.hosts.remove(&number) {
            host.kill().await?;
        }
        Ok(())
    }

    /// SIGTERM to all of them; gives how each has ended.
    pub(crate) async fn end(&mut self) -> Result<Vec<ExitStatus>> {
        let pid = |host: &Child| Pid::from_raw(host.id()?.cast_signed());
        for pid in self.hosts.values().filter_map(pid) {
            kill_process(pid, Signal::TERM)?;
        }
        let mut ended = Vec::new();
        for host in self.hosts.values_mut() {
            ended.push(host.wait().await?);
        }
        self.hosts.clear();
        Ok(ended)
    }
}
