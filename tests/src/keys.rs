//! The keys on a server, as a stranger sees them.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::{Instant, sleep};

use crate::server::Server;

impl Server {
    /// All keys, in order.
    ///
    /// # Panics
    ///
    /// If it does not answer.
    pub async fn keys(&self) -> Vec<String> {
        keys(&mut self.raw().await).await
    }

    /// Waits until the keys are as `wanted`.
    ///
    /// # Panics
    ///
    /// If they are not within that time.
    pub async fn until_keys(&self, within: Duration, wanted: impl Fn(&[String]) -> bool) {
        let patience = Instant::now() + within;
        let mut raw = self.raw().await;
        loop {
            let keys = keys(&mut raw).await;
            if wanted(&keys) {
                return;
            }
            assert!(Instant::now() < patience, "{keys:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn keys(raw: &mut MultiplexedConnection) -> Vec<String> {
    let keys = redis::cmd("KEYS").arg("*").query_async(raw).await;
    let mut keys: Vec<String> = keys.expect("an answer");
    keys.sort_unstable();
    keys
}
