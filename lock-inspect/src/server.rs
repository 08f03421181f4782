//! One connection to the server, and what its refusals mean.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo, Pipeline, RedisError, RedisResult, Value,
};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::arguments::Place;
use crate::shown::shown;
use crate::trouble::Trouble;

const URL: &str = "the URL of the server cannot be read; write `redis://[user:password@]host[:port][/database]` \
     in --url or REDIS_URL, with special characters in the password as %XX";

/// What a user needs for everything that this program does.
const RIGHTS: &str = "the user may not run what this takes; grant it `+scan +getrange +pttl +type +time +dbsize` \
     on the lock keys, for `show` also `+get +zrange +zcard`, for `release` also `+eval +get +del`";

/// A connection to a server.
pub(crate) struct Server {
    connection: MultiplexedConnection,
    peer: Peer,
}

/// Whom we talk to, for what is said about it.
struct Peer {
    address: String,
    /// No word of ours may repeat it.
    password: String,
}

impl Server {
    pub(crate) async fn connect(place: &Place) -> Result<Self, Trouble> {
        let (client, peer) = open(place)?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(place.timeout))
            .set_response_timeout(Some(place.timeout));
        match greeted(&client, &config).await {
            Ok(connection) => Ok(Self { connection, peer }),
            Err(error) => {
                let said = if was_closed(&error) {
                    refusal(client.get_connection_info().addr(), place.timeout).await
                } else {
                    None
                };
                let refused = said.and_then(|said| peer.turned_away(&said));
                Err(match refused.unwrap_or_else(|| peer.meaning(&error)) {
                    Trouble::Refused(words) => Trouble::Unreachable(words),
                    trouble => trouble,
                })
            }
        }
    }

    /// Without user and password.
    pub(crate) fn address(&self) -> &str {
        &self.peer.address
    }

    pub(crate) async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, Trouble> {
        let answer = command.query_async(&mut self.connection).await;
        answer.map_err(|error| self.meaning(&error))
    }

    /// The answer of each command, be it a refusal.
    pub(crate) async fn ask_all(
        &mut self,
        pipeline: &mut Pipeline,
    ) -> Result<Vec<RedisResult<Value>>, Trouble> {
        let answers = pipeline.ignore_errors().query_async(&mut self.connection);
        let answers = answers.await;
        answers.map_err(|error| self.meaning(&error))
    }

    /// What an error of one command means.
    pub(crate) fn meaning(&self, error: &RedisError) -> Trouble {
        self.peer.meaning(error)
    }
}

/// A connection on which something was answered.
async fn greeted(
    client: &Client,
    config: &AsyncConnectionConfig,
) -> RedisResult<MultiplexedConnection> {
    let connecting = client.get_multiplexed_async_connection_with_config(config);
    let mut connection = connecting.await?;
    // A server that wants a password says so at the first command only; one that denies this one has let
    // us in.
    match redis::cmd("PING")
        .query_async::<Value>(&mut connection)
        .await
    {
        Err(error) if error.code() != Some("NOPERM") => Err(error),
        _ => Ok(connection),
    }
}

/// Whether a `/`, `?` or `#` in its user or password ends that part early: what is before it would be taken for
/// host and port, and told in messages. `lock-runtime` has the same rule in `store/redis/url.rs`, and that for
/// encryption: change both.
fn ends_early(url: &str) -> bool {
    let (scheme, rest) = url.trim().split_once("://").unwrap_or_default();
    let behind = rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]);
    !scheme.to_ascii_lowercase().ends_with("unix") && behind.contains('@')
}

/// Whether it asks for encryption.
fn is_encrypted(url: &str) -> bool {
    let (scheme, _) = url.trim().split_once(':').unwrap_or_default();
    ["rediss", "valkeys"]
        .iter()
        .any(|encrypted| scheme.eq_ignore_ascii_case(encrypted))
}

fn open(place: &Place) -> Result<(Client, Peer), Trouble> {
    let usage = |words: &str| Trouble::Usage(words.to_owned());
    if cfg!(not(feature = "tls")) && is_encrypted(&place.url) {
        return Err(usage(
            "a `rediss://` URL needs TLS: build lock-inspect with `--features tls`",
        ));
    }
    if ends_early(&place.url) {
        return Err(usage(
            "the user or password in the URL holds a `/`, `?` or `#`; write them `%2F`, `%3F` and `%23`",
        ));
    }
    // The parser's own message could repeat the password.
    let info = place.url.as_str().into_connection_info();
    let info: ConnectionInfo = info.map_err(|_| usage(URL))?;
    let address = match info.addr() {
        ConnectionAddr::Tcp(host, port) => format!("redis://{host}:{port}"),
        ConnectionAddr::TcpTls { host, port, .. } => format!("rediss://{host}:{port}"),
        ConnectionAddr::Unix(path) => format!("unix:{}", path.display()),
        _ => return Err(usage(URL)),
    };
    let address = match info.redis_settings().db() {
        0 => address,
        database => format!("{address}/{database}"),
    };
    let password = info.redis_settings().password().unwrap_or_default();
    let peer = Peer {
        address: shown(address.as_bytes()),
        password: password.to_owned(),
    };
    #[cfg(feature = "tls")]
    let client = crate::tls::client(info, place.root_certificate.as_deref())?;
    #[cfg(not(feature = "tls"))]
    let client = Client::open(info).map_err(|_| usage(URL))?;
    Ok((client, peer))
}

impl Peer {
    fn meaning(&self, error: &RedisError) -> Trouble {
        let address = &self.address;
        let code = error.code().unwrap_or_default();
        let said = self.words_of(error);
        if let Some(trouble) = self.full(&said) {
            return trouble;
        }
        let refused =
            |remedy: &str| Trouble::Refused(format!("{address}: {code} {said}: {remedy}"));
        match code {
            "NOAUTH" => {
                return Trouble::Unreachable(format!(
                    "{address} wants a password; put it into the URL, as redis://:password@host, \
                 best in REDIS_URL"
                ));
            }
            "NOPERM" => return refused(RIGHTS),
            "DENIED" => return self.closed(&said),
            "READONLY" => return refused("it is a replica; give the primary's address"),
            "LOADING" => return refused("it is loading its data; try again"),
            "BUSY" => return refused("a script blocks it, see SCRIPT KILL"),
            "MOVED" | "ASK" => {
                return refused(
                    "it is a Cluster node without this key; give the address of the other",
                );
            }
            "CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" => {
                return refused("it is not ready; try again");
            }
            _ => {}
        }
        if said.contains("DB index") {
            return Trouble::Unreachable(format!(
                "{address} has no such database; choose another number at the end of the URL"
            ));
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed => Trouble::Unreachable(format!(
                "{address} refused the user name or password; put the right ones into the URL"
            )),
            ErrorKind::Server(_) | ErrorKind::Extension => refused("see its log"),
            ErrorKind::Parse => Trouble::Unreachable(format!(
                "what answers at {address} does not speak the Redis protocol; check host, port and TLS"
            )),
            _ if error.is_timeout() => Trouble::Unreachable(format!(
                "{address} does not answer in time; check host, port and TLS, or raise --timeout"
            )),
            _ => Trouble::Unreachable(format!(
                "cannot reach {address} ({}); check host, port, TLS and that the server is up",
                why(error)
            )),
        }
    }

    /// What a server means that closes the connection with these words, before it is asked anything.
    fn turned_away(&self, said: &str) -> Option<Trouble> {
        let said = self.words(said.strip_prefix('-')?.trim_end());
        let trouble = self.full(&said);
        Some(trouble.unwrap_or_else(|| self.closed(&said)))
    }

    fn closed(&self, said: &str) -> Trouble {
        Trouble::Unreachable(format!("{} does not let us in: {said}", self.address))
    }

    fn full(&self, said: &str) -> Option<Trouble> {
        let address = &self.address;
        said.contains("max number of clients").then(|| {
            Trouble::Unreachable(format!(
                "{address} is up and has no connection left (max number of clients reached); end clients \
                 that `CLIENT LIST` shows as idle, or raise its `maxclients`"
            ))
        })
    }

    /// What it says in an error.
    fn words_of(&self, error: &RedisError) -> String {
        self.words(error.detail().unwrap_or_default())
    }

    /// A server's words, short, on one line, and without the arguments of what it refused.
    fn words(&self, detail: &str) -> String {
        let end = detail.find(", with args beginning");
        let detail = &detail[..end.unwrap_or(detail.len())];
        if !self.password.is_empty() && detail.contains(&self.password) {
            return "(its words repeat the password)".to_owned();
        }
        let detail: String = detail.chars().take(160).collect();
        shown(detail.as_bytes())
    }
}

/// Whether the connection was there, and then closed: where there was none a second try meets the same.
fn was_closed(error: &RedisError) -> bool {
    error.is_connection_dropped() && !error.is_connection_refusal()
}

/// What the server says to whoever comes, where it closes the connection at once: our own first command can
/// be refused by the closed connection before its words are read.
async fn refusal(place: &ConnectionAddr, patience: Duration) -> Option<String> {
    let ConnectionAddr::Tcp(host, port) = place else {
        return None;
    };
    let said = async {
        let stream = TcpStream::connect((host.as_str(), *port)).await.ok()?;
        let mut said = Vec::new();
        stream.take(1024).read_to_end(&mut said).await.ok()?;
        Some(String::from_utf8_lossy(&said).into_owned())
    };
    // One that says nothing and waits was busy only then.
    let patience = patience.min(Duration::from_secs(1));
    timeout(patience, said).await.ok().flatten()
}

/// The system's word for it, where there is one: the crate's own could repeat what was sent.
fn why(error: &RedisError) -> String {
    if error.is_io_error() {
        shown(error.to_string().as_bytes())
    } else {
        error.category().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn what_was_never_there_was_not_closed() {
        for (kind, closed) in [
            (ErrorKind::ConnectionReset, true),
            (ErrorKind::ConnectionAborted, true),
            (ErrorKind::BrokenPipe, true),
            (ErrorKind::UnexpectedEof, true),
            (ErrorKind::ConnectionRefused, false),
            (ErrorKind::NotFound, false),
            (ErrorKind::HostUnreachable, false),
            (ErrorKind::TimedOut, false),
        ] {
            let error = RedisError::from(Error::from(kind));
            assert_eq!(was_closed(&error), closed, "{kind}");
        }
    }
}
