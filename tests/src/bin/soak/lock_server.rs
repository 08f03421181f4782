//! The server that keeps the locks: stopped, killed, started again with or without its data.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::clock::now;
use crate::interval::Loss;
use crate::orphans::Lock;

/// All keys as they are at one moment: name, value, milliseconds left.
const LOOK: &str = "local all = {}
for n, key in ipairs(redis.call('KEYS', '*')) do
  local value
  if redis.call('TYPE', key).ok == 'zset' then
    value = 'a line of ' .. redis.call('ZCARD', key)
  else
    value = redis.call('GET', key)
  end
  all[n] = {key, value, redis.call('PTTL', key)}
end
return all";

pub(crate) struct LockServer {
    port: u16,
    data: PathBuf,
    group: i32,
    process: Option<Child>,
    client: Client,
}

impl LockServer {
    pub(crate) async fn start(folder: &std::path::Path, group: i32) -> io::Result<Self> {
        let port = tests::Server::free_port();
        let url = format!("redis://127.0.0.1:{port}");
        let mut server = Self {
            port,
            data: folder.join("data"),
            group,
            process: None,
            client: Client::open(url).expect("a URL of our own making"),
        };
        server.restart().await?;
        Ok(server)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts it if it is down, and waits until it answers. What was answered before a kill is
    /// there again: nothing is answered before it is on disk.
    pub(crate) async fn restart(&mut self) -> io::Result<()> {
        if self.process.is_none() {
            fs::create_dir_all(&self.data)?;
            let process = Command::new(tests::Server::program())
                .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
                .args(["--save", "", "--appendonly", "yes"])
                .args(["--appendfsync", "always", "--dir"])
                .arg(&self.data)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(self.group)
                .spawn()?;
            self.process = Some(process);
        }
        let patience = Instant::now() + Duration::from_secs(20);
        while self.ask::<String>(&redis::cmd("PING")).await.is_err() {
            if Instant::now() > patience {
                return Err(io::Error::other("the lock server does not start"));
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Kills it; without `keep`, its data is gone, too, and the time of that is told.
    pub(crate) fn kill(&mut self, keep: bool) -> io::Result<Option<Loss>> {
        let from = now();
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        if keep {
            return Ok(None);
        }
        fs::remove_dir_all(&self.data)?;
        Ok(Some(Loss { from, to: now() }))
    }

    pub(crate) fn stop(&self) {
        self.send(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.send(Signal::CONT);
    }

    fn send(&self, signal: Signal) {
        if let Some(process) = &self.process {
            // It may just have crashed, which the next command to it shows.
            let _ = kill_process(Pid::from_child(process), signal);
        }
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let limit = Some(Duration::from_secs(1));
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(limit)
            .set_response_timeout(limit);
        let client = &self.client;
        client
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }

    pub(crate) async fn ask<T: redis::FromRedisValue>(
        &self,
        command: &redis::Cmd,
    ) -> RedisResult<T> {
        command.query_async(&mut self.connect().await?).await
    }

    /// Every key that is there, lines as well, without the fences that are to outlive their locks.
    pub(crate) async fn locks(&self) -> RedisResult<Vec<Lock>> {
        let all: Vec<(String, String, i64)> = self.ask(redis::cmd("EVAL").arg(LOOK).arg(0)).await?;
        let locks = all
            .into_iter()
            .map(|(key, value, left)| Lock { key, value, left });
        Ok(locks
            .filter(|lock| !lock.key.starts_with("lock:fence:"))
            .collect())
    }
}
