//! Connections to one server: made when needed, one for each runtime, replaced when broken.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo};
use tokio::runtime::{Handle, Id};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout_at};

use super::dialect::{Failure, failure};
use super::session::RedisSession;
use crate::error::{LockError, StoreError, StoreErrorKind};
use crate::store::{LockSession, LockStore, StoreFuture};

/// Where a server is, and how patient we are with it.
#[derive(Clone, Default)]
pub(crate) struct Target {
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    /// A key the least privileged user may read, to find out at connect whether the server serves.
    pub(crate) probe: String,
    #[cfg(feature = "tls")]
    pub(crate) root_certificate: Option<Vec<u8>>,
}

/// One Redis or Valkey server.
pub(crate) struct RedisStore {
    client: Client,
    address: String,
    /// No error may repeat it.
    password: String,
    target: Target,
    sessions: Mutex<HashMap<Id, Entry>>,
    /// One caller connects, the others take what it made.
    connecting: tokio::sync::Mutex<()>,
}

/// A runtime's connection. Its driver dies with the runtime, which `alive` tells.
struct Entry {
    session: Arc<RedisSession>,
    alive: Weak<()>,
    watch: AbortHandle,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl RedisStore {
    /// Reads the URL; sends nothing.
    pub(crate) fn new(url: &str, target: Target) -> Result<Self, LockError> {
        if cfg!(not(feature = "tls")) && url.starts_with("rediss:") {
            return Err(LockError::options(
                "a `rediss://` URL needs TLS: enable the feature `tls` of `lock-runtime`",
            ));
        }
        // The parser's own message could repeat the URL and with it the password.
        let wrong = || {
            LockError::options(
                "the Redis URL cannot be read; write `redis://[user:password@]host[:port][/database]`, \
                 with special characters in the password as %XX",
            )
        };
        let info = url.into_connection_info().map_err(|_| wrong())?;
        let password = info.redis_settings().password().unwrap_or_default();
        let password = password.to_owned();
        let address = match info.addr() {
            ConnectionAddr::Tcp(host, port) => format!("redis://{host}:{port}"),
            ConnectionAddr::TcpTls { host, port, .. } => format!("rediss://{host}:{port}"),
            ConnectionAddr::Unix(path) => format!("unix:{}", path.display()),
            _ => return Err(wrong()),
        };
        #[cfg(feature = "tls")]
        let client = super::tls::client(info, target.root_certificate.as_deref())?;
        #[cfg(not(feature = "tls"))]
        let client = Client::open(info).map_err(|_| wrong())?;
        Ok(Self {
            client,
            address,
            password,
            target,
            sessions: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
        })
    }

    fn current(&self) -> Option<Arc<RedisSession>> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, entry| entry.alive.strong_count() > 0 && entry.session.is_open());
        sessions
            .get(&Handle::current().id())
            .map(|entry| entry.session.clone())
    }

    async fn connect(&self) -> Result<Arc<RedisSession>, StoreError> {
        let deadline = Instant::now() + self.target.connect_timeout;
        let late = |_| {
            StoreError::new(
                StoreErrorKind::Unreachable,
                format!(
                    "no Redis server answered at {} within {:?}; check host, port, firewall and TLS",
                    self.address, self.target.connect_timeout
                ),
            )
        };
        let _turn = timeout_at(deadline, self.connecting.lock())
            .await
            .map_err(late)?;
        if let Some(session) = self.current() {
            return Ok(session);
        }
        let mut refusal = None;
        let opened = timeout_at(deadline, self.open(&mut refusal)).await;
        let session = opened.unwrap_or_else(|elapsed| Err(refusal.unwrap_or(late(elapsed))));
        let session = session.map_err(|error| error.without(&self.password))?;
        let runtime = Handle::current();
        let token = Arc::new(());
        let alive = Arc::downgrade(&token);
        let watch = runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(token);
        });
        let entry = Entry {
            session: session.clone(),
            alive,
            watch: watch.abort_handle(),
        };
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(runtime.id(), entry);
        Ok(session)
    }

    /// Connects and asks for one key: only an answer shows that a server serves us. Asks again
    /// while `refusal` is one that ends by itself.
    async fn open(
        &self,
        refusal: &mut Option<StoreError>,
    ) -> Result<Arc<RedisSession>, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| self.unreachable(&error))?;
        let session = RedisSession::new(connection, self.target.response_timeout);
        loop {
            match session.probe(&self.target.probe).await {
                Err(error) if error.kind() == StoreErrorKind::Unavailable && session.is_open() => {
                    *refusal = Some(error);
                    sleep(Duration::from_millis(50)).await;
                }
                Err(error) if error.is_ambiguous() => {
                    return Err(StoreError::new(
                        StoreErrorKind::Unreachable,
                        format!("no Redis server at {}: {error}", self.address),
                    ));
                }
                Err(error) => return Err(error),
                Ok(()) => return Ok(Arc::new(session)),
            }
        }
    }

    fn unreachable(&self, error: &redis::RedisError) -> StoreError {
        if let Failure::Store(refusal) = failure(error) {
            return refusal;
        }
        let address = &self.address;
        let message = if error.kind() == redis::ErrorKind::Parse {
            format!(
                "what answers at {address} does not speak the Redis protocol; check host, port and TLS"
            )
        } else {
            // The operating system's word for it; the crate's own could repeat what was sent.
            let reason = if error.is_io_error() {
                error.to_string()
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
            let session = match self.current() {
                Some(session) => session,
                None => self.connect().await?,
            };
            Ok(session as Arc<dyn LockSession>)
        })
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisStore({})", self.address)
    }
}
