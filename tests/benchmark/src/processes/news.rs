//! One connection that commands go out on and news come in on.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, PushKind, RedisError};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::contender::WAIT;

/// What the server says unasked, of one kind.
pub(super) struct News {
    kind: PushKind,
    pushes: UnboundedReceiver<PushInfo>,
}

impl News {
    pub(super) async fn connect(
        url: &str,
        kind: PushKind,
    ) -> Result<(MultiplexedConnection, Self), RedisError> {
        let (sender, pushes) = unbounded_channel();
        let client = redis::Client::open(format!("{url}?protocol=resp3"))?;
        let config = AsyncConnectionConfig::new().set_push_sender(sender);
        // A busy machine is slow, not broken.
        let config = config.set_response_timeout(Some(WAIT));
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        Ok((connection.await?, Self { kind, pushes }))
    }

    /// Waits for the next one that is wanted. `false`: the connection is gone.
    pub(super) async fn come(&mut self, wanted: impl Fn(&PushInfo) -> bool) -> bool {
        while let Some(push) = self.pushes.recv().await {
            if push.kind == self.kind && wanted(&push) {
                return true;
            }
        }
        false
    }

    /// Forgets those that have come so far.
    pub(super) fn forget(&mut self) {
        while self.pushes.try_recv().is_ok() {}
    }
}
