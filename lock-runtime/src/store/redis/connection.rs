//! One server: connections to it are made when needed and replaced when broken.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    ProtocolVersion,
};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout, timeout_at};

use super::connections::Connections;
use super::dialect::{Failure, failure};
use super::ear::Ear;
use super::session::RedisSession;
use super::url;
use super::watch::{Hear, Watch};
use crate::error::{LockError, StoreError, StoreErrorKind};
use crate::per_runtime::PerRuntime;
use crate::store::{Listener, LockSession, LockStore, StoreFuture};
use crate::token::LockToken;

/// Where a server is, and how patient we are with it.
#[derive(Clone, Default)]
pub(crate) struct Target {
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    /// A key the least privileged user may read, to find out at connect whether the server serves.
    pub(crate) probe: String,
    /// What the names of keys and addresses begin with.
    pub(crate) prefix: String,
    #[cfg(feature = "tls")]
    pub(crate) root_certificate: Option<Vec<u8>>,
    #[cfg(feature = "testing")]
    pub(crate) connector: Option<super::connector::Connector>,
}

/// One Redis or Valkey server.
pub(crate) struct RedisStore(Arc<Server>);

struct Server {
    client: Client,
    /// The same for a connection on which the server speaks unasked.
    news: Client,
    address: String,
    /// No error may repeat it.
    password: String,
    target: Target,
    runtimes: Mutex<PerRuntime<Connections>>,
}

impl RedisStore {
    /// Reads the URL; sends nothing.
    pub(crate) fn new(url: &str, target: Target) -> Result<Self, LockError> {
        if cfg!(not(feature = "tls")) && url::is_encrypted(url) {
            return Err(LockError::options(
                "a `rediss://` URL needs TLS: enable the feature `tls` of `lock-runtime`",
            ));
        }
        // The parser's own message could repeat the URL and with it the password.
        let wrong = || url::unreadable(url);
        if url::ends_early(url) {
            return Err(wrong());
        }
        let info = url.into_connection_info().map_err(|_| wrong())?;
        let password = info.redis_settings().password().unwrap_or_default();
        let password = password.to_owned();
        let address = match info.addr() {
            ConnectionAddr::Tcp(host, port) => format!("redis://{host}:{port}"),
            ConnectionAddr::TcpTls { host, port, .. } => format!("rediss://{host}:{port}"),
            ConnectionAddr::Unix(path) => format!("unix:{}", path.display()),
            _ => return Err(wrong()),
        };
        let settings = info.redis_settings().clone();
        let speaking = settings.set_protocol(ProtocolVersion::RESP3);
        let speaking = info.clone().set_redis_settings(speaking);
        let open = |info: ConnectionInfo| {
            #[cfg(feature = "tls")]
            return super::tls::client(info, target.root_certificate.as_deref());
            #[cfg(not(feature = "tls"))]
            return Client::open(info).map_err(|_| wrong());
        };
        let (client, news) = (open(info)?, open(speaking)?);
        Ok(Self(Arc::new(Server {
            client,
            news,
            address,
            password,
            target,
            runtimes: Mutex::default(),
        })))
    }

    /// Connects in a task of its own: a caller that is kept and not polled, or that gives up before
    /// the others, must not hold up who comes after it, nor begin anew for each.
    ///
    /// Cancellation safety: the attempt goes on to its own end, and what it made is kept.
    async fn connect(&self, made: Made, keep: Keep) -> Result<Arc<RedisSession>, StoreError> {
        let server = self.0.clone();
        let connecting = tokio::spawn(async move { server.connect(made, keep).await });
        connecting.await.unwrap_or_else(|ended| {
            let message = if ended.is_panic() {
                "connecting panicked, see what the panic says"
            } else {
                "the runtime ended while it connected, use the client in one that runs"
            };
            Err(StoreError::new(StoreErrorKind::Unreachable, message))
        })
    }

    /// Warns of a server that may evict locks. Silent if it does not tell within a response timeout.
    pub(crate) async fn warn_of_eviction(&self) {
        let Some(session) = self.0.here(Connections::current) else {
            return;
        };
        if let Some(policy) = session.eviction_policy().await
            && policy != "noeviction"
        {
            tracing::warn!(
                address = %self.0.address, %policy,
                "the server may evict locks when its memory is full: they are lost without a word; \
                 set `maxmemory-policy` to `noeviction`"
            );
        }
    }
}

/// What a caller before may have made already.
type Made = fn(&mut Connections) -> Option<Arc<RedisSession>>;
/// Puts away a new one.
type Keep = fn(&mut Connections, Arc<RedisSession>);

impl Server {
    fn runtimes(&self) -> MutexGuard<'_, PerRuntime<Connections>> {
        self.runtimes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connections of the calling runtime.
    fn here<T>(&self, look: impl FnOnce(&mut Connections) -> T) -> T {
        let runtime = Handle::current();
        let mut runtimes = self.runtimes();
        if let Some(connections) = runtimes.get_mut(runtime.id())
            && connections.are_alive()
        {
            return look(connections);
        }
        let new = Connections::of(&runtime);
        look(runtimes.set(runtime.id(), new, Connections::are_alive))
    }

    /// Connects, one caller of a runtime after the other. An attempt that failed since the caller
    /// came is the answer to that one, too: a server that is down is not stormed by everybody who
    /// waits for it.
    ///
    /// Cancellation safety: the turn passes on.
    async fn connect(&self, made: Made, keep: Keep) -> Result<Arc<RedisSession>, StoreError> {
        let asked = Instant::now();
        let deadline = asked + self.target.connect_timeout;
        let late = |_| {
            StoreError::new(
                StoreErrorKind::Unreachable,
                format!(
                    "no Redis server answered at {} within {:?}; check host, port, firewall and TLS",
                    self.address, self.target.connect_timeout
                ),
            )
        };
        let turn = self.here(|connections| connections.turn.clone());
        let mut backoff = timeout_at(deadline, turn.lock()).await.map_err(late)?;
        if let Some(session) = self.here(made) {
            return Ok(session);
        }
        if let Some(failed) = backoff.failed_since(asked) {
            return Err(failed);
        }
        let opened = timeout_at(deadline, async {
            backoff.pause().await;
            self.open().await
        });
        match opened.await.unwrap_or_else(|elapsed| Err(late(elapsed))) {
            Ok(session) => {
                backoff.succeeded();
                self.here(|connections| keep(connections, session.clone()));
                Ok(session)
            }
            Err(error) => {
                backoff.failed(error.clone());
                Err(error)
            }
        }
    }

    /// Connects and asks for one key: only an answer shows that a server serves us.
    async fn open(&self) -> Result<Arc<RedisSession>, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let connection = self.connected(&self.client, &config).await;
        let connection = connection.map_err(|error| self.unreachable(&error))?;
        let session = RedisSession::new(connection, self.target.response_timeout);
        let probed = session.probe(&self.target.probe).await;
        match probed.map_err(|error| error.without(&self.password)) {
            Ok(()) => Ok(Arc::new(session)),
            Err(error) if error.is_ambiguous() => Err(StoreError::new(
                StoreErrorKind::Unreachable,
                format!("no Redis server at {}: {error}", self.address),
            )),
            Err(error) => Err(error.at(&self.address)),
        }
    }

    /// A connection on which `hear` is told what the server says unasked.
    async fn open_for_news(&self, hear: Hear) -> Result<MultiplexedConnection, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_push_sender(move |push| {
                hear(push);
                Ok::<_, ()>(())
            });
        let limit = self.target.connect_timeout;
        match timeout(limit, self.connected(&self.news, &config)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.unreachable(&error)),
            Err(_) => Err(StoreError::silent(limit)),
        }
    }

    async fn connected(
        &self,
        client: &Client,
        config: &AsyncConnectionConfig,
    ) -> redis::RedisResult<MultiplexedConnection> {
        #[cfg(feature = "testing")]
        if let Some(connector) = &self.target.connector {
            let info = client.get_connection_info();
            return connector.connect(info.redis_settings(), config).await;
        }
        client
            .get_multiplexed_async_connection_with_config(config)
            .await
    }

    /// Why no connection could be made. What others say of it is searched for the password before the address
    /// is added, which may be the same word.
    fn unreachable(&self, error: &redis::RedisError) -> StoreError {
        let address = &self.address;
        if let Failure::Store(refusal) | Failure::Absent(refusal) = failure(error) {
            // Here the words are whole; a password that is cut short would not be found.
            let repeats = error
                .detail()
                .is_some_and(|words| !self.password.is_empty() && words.contains(&self.password));
            let refusal = if repeats { refusal.withheld() } else { refusal };
            return refusal.without(&self.password).at(address);
        }
        let message = if error.kind() == redis::ErrorKind::Parse {
            format!(
                "what answers at {address} does not speak the Redis protocol; check host, port and TLS"
            )
        } else {
            // The operating system's word for it; the crate's own could repeat what was sent.
            let words = error.to_string();
            let repeats = !self.password.is_empty() && words.contains(&self.password);
            let reason = if error.is_io_error() && !repeats {
                words
            } else {
                error.category().to_owned()
            };
            format!(
                "cannot reach {address} ({reason}); check host, port, TLS and that the server is up"
            )
        };
        StoreError::new(StoreErrorKind::Unreachable, message)
    }
}

impl LockStore for RedisStore {
    fn session(&self) -> StoreFuture<'_, Arc<dyn LockSession>> {
        Box::pin(async move {
            let session = match self.0.here(Connections::current) {
                Some(session) => session,
                None => {
                    self.connect(Connections::current, Connections::keep)
                        .await?
                }
            };
            Ok(session as Arc<dyn LockSession>)
        })
    }

    fn exclusive(&self) -> StoreFuture<'_, Arc<dyn LockSession>> {
        Box::pin(async move {
            let session = match self.0.here(Connections::idle) {
                Some(session) => session,
                None => self.connect(Connections::idle, Connections::lend).await?,
            };
            Ok(session as Arc<dyn LockSession>)
        })
    }

    fn listen(&self, key: &Arc<str>, token: &LockToken) -> Option<Box<dyn Listener>> {
        let start = || {
            let server = Arc::downgrade(&self.0);
            let open = Box::new(move |hear| {
                let server = server.upgrade();
                let opening = async { Some(server?.open_for_news(hear).await) };
                Box::pin(opening) as Pin<Box<_>>
            });
            let Target {
                prefix,
                response_timeout,
                ..
            } = &self.0.target;
            Watch::start(prefix, *response_timeout, open)
        };
        let watch = self
            .0
            .here(|connections| connections.news.get_or_insert_with(start).clone());
        Some(Box::new(Ear::new(watch, key, token)))
    }

    fn address(&self) -> String {
        self.0.address.clone()
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisStore({})", self.0.address)
    }
}
