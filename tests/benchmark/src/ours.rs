//! This library.

use std::time::Duration;

use lock_runtime::LockClient;

use crate::contender::{Call, Contender, TTL, section};

/// A client whose calls wait as long as it says.
pub(crate) struct Ours {
    pub(crate) client: LockClient,
    wait: Duration,
}

impl Ours {
    pub(crate) async fn connect(url: &str, wait: Duration) -> Result<Self, String> {
        let client = LockClient::connect(url).await;
        let client = client.map_err(|error| error.to_string())?;
        Ok(Self { client, wait })
    }
}

impl Contender for Ours {
    fn name(&self) -> &'static str {
        "lock-runtime"
    }

    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a> {
        Box::pin(async move {
            let request = self.client.lock(key).ttl(TTL).wait(self.wait);
            let guard = request.acquire().await.map_err(|error| error.to_string())?;
            let held = section(length).await;
            guard.release().await.map_err(|error| error.to_string())?;
            Ok(held)
        })
    }
}
