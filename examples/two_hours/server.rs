//! The server the stories are played on: the one of `REDIS_URL`, or a private one.

use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{ConnectionAddr, IntoConnectionInfo};
use tokio::time::sleep;

use crate::Result;

/// The shell outlives this process however it ends, sees its standard input close, and kills the
/// server.
const WATCHDOG: &str =
    "\"$@\" >/dev/null 2>&1 & server=$!; cat >/dev/null; kill -9 $server; wait $server";

pub(crate) struct Server {
    url: String,
    watchdog: Option<Child>,
}

impl Server {
    /// `None` if no `REDIS_URL` is set and no server program is on the PATH.
    pub(crate) async fn find() -> Result<Option<Self>> {
        if let Some(url) = env::var("REDIS_URL").ok().filter(|url| !url.is_empty()) {
            let watchdog = None;
            return Ok(Some(Self { url, watchdog }));
        }
        match program() {
            Some(program) => Self::start(program).await.map(Some),
            None => Ok(None),
        }
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

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn is_private(&self) -> bool {
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
    let path = env::var_os("PATH")?;
    ["redis-server", "valkey-server"]
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

/// Host and port of the server at `url`.
pub(crate) fn address(url: &str) -> Result<(String, u16)> {
    match url.into_connection_info()?.addr() {
        ConnectionAddr::Tcp(host, port) => Ok((host.clone(), *port)),
        _ => Err("the stories need a server at redis://host:port, without TLS".into()),
    }
}

/// `url` with another host and port: the user, the password and the database stay.
pub(crate) fn at_address(url: &str, address: &str) -> Result<String> {
    let (scheme, rest) = url.split_once("://").ok_or("REDIS_URL has no `://`")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let user = authority.rfind('@').map_or("", |at| &authority[..=at]);
    Ok(format!("{scheme}://{user}{address}{path}"))
}

#[cfg(test)]
mod tests {
    use super::at_address;

    #[test]
    fn a_url_keeps_all_but_its_address() -> crate::Result<()> {
        let moved = |url| at_address(url, "127.0.0.1:1");
        assert_eq!(moved("redis://there:6379")?, "redis://127.0.0.1:1");
        assert_eq!(
            moved("redis://me:p%40ss@[::1]:6379/2?protocol=resp3")?,
            "redis://me:p%40ss@127.0.0.1:1/2?protocol=resp3"
        );
        Ok(())
    }
}
