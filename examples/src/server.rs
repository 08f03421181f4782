//! The server of an example: one that runs already, or a private one.

use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::Result;

/// The shell outlives this process however it ends, sees its standard input close, and kills the
/// server.
const WATCHDOG: &str =
    "\"$@\" >/dev/null 2>&1 & server=$!; cat >/dev/null; kill -9 $server; wait $server";

/// The exit code of an example that found no server.
pub const NO_SERVER: u8 = 2;

/// A server, which ends with this value and with this process if it is private.
#[derive(Debug)]
pub struct Server {
    url: String,
    watchdog: Option<Child>,
}

impl Server {
    /// The server of `REDIS_URL`, else a private one. `None` if there is neither that nor a server
    /// program: then `example` has told on its standard error how to get one.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub async fn find(example: &str) -> Result<Option<Self>> {
        if let Some(url) = env::var("REDIS_URL").ok().filter(|url| !url.is_empty()) {
            let watchdog = None;
            return Ok(Some(Self { url, watchdog }));
        }
        Self::start_or_tell(example, "REDIS_URL=redis://127.0.0.1:6379").await
    }

    /// A server for this program alone: the program of `LOCK_TEST_SERVER`, else that of the PATH, on
    /// a free loopback port. `None` if there is no such program: then `example` has told so, as in
    /// [`Server::find`].
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub async fn private(example: &str) -> Result<Option<Self>> {
        Self::start_or_tell(example, "LOCK_TEST_SERVER=/path/to/server").await
    }

    async fn start_or_tell(example: &str, named_by: &str) -> Result<Option<Self>> {
        if let Some(program) = program() {
            return Self::start(program).await.map(Some);
        }
        eprintln!(
            "{example} needs a real server: put a `redis-server` or `valkey-server` on the PATH \
             (Debian: apt install redis-server), or name one by {named_by}"
        );
        Ok(None)
    }

    async fn start(program: PathBuf) -> Result<Self> {
        // Somebody else may take the port before the server does.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "sh"])
            .arg(&program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            // Ctrl-C in a terminal reaches this process alone, which then ends in good order.
            .process_group(0)
            .spawn()?;
        let server = Self {
            url: format!("redis://127.0.0.1:{port}"),
            watchdog: Some(watchdog),
        };
        let patience = Instant::now() + Duration::from_secs(5);
        let client = redis::Client::open(server.url())?;
        while let Err(error) = client.get_multiplexed_async_connection().await {
            if Instant::now() > patience {
                return Err(format!("{} does not start: {error}", program.display()).into());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(server)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it was started for this program.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.watchdog.is_some()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(watchdog) = &mut self.watchdog {
            drop(watchdog.stdin.take());
            // The shell ends when it has killed the server.
            let _ = watchdog.wait();
        }
    }
}

fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os("LOCK_TEST_SERVER").filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let path = env::var_os("PATH")?;
    ["redis-server", "valkey-server"]
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}
