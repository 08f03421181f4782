//! Streams that a simulation makes in the place of TCP's.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisResult};
use tokio::io::{AsyncRead, AsyncWrite};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Opening = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;

/// Makes a stream to the server.
#[derive(Clone)]
pub(crate) struct Connector(Arc<dyn Fn() -> Opening + Send + Sync>);

impl Connector {
    pub(crate) fn new<S, F>(open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
    {
        Self(Arc::new(move || {
            let opening = open();
            Box::pin(async { Ok(Box::new(opening.await?) as Box<dyn Stream>) })
        }))
    }

    /// As the redis crate connects, but for the stream.
    pub(super) async fn connect(
        &self,
        info: &RedisConnectionInfo,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let stream = (self.0)().await?;
        let connection = MultiplexedConnection::new_with_config(info, stream, config.clone());
        let (connection, driver) = connection.await?;
        tokio::spawn(driver);
        Ok(connection)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}
