//! The board as a stream, for whoever watches.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::future::join_all;
use futures_util::stream::unfold;
use lock_runtime::{Holder, LockClient, LockToken, Owner, Ownership, encode};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::Shop;
use crate::board::{Shown, shortened};

/// However much happens, whoever watches is told no more often than that.
const REST: Duration = Duration::from_millis(100);
/// And at least so often, as times go on and other instances hold locks.
const PULSE: Duration = Duration::from_secs(1);

struct Watcher {
    shop: Arc<Shop>,
    locks: LockClient,
    heard: watch::Receiver<bool>,
    /// What a lock of this process looks like.
    own: LockToken,
    begun: bool,
}

/// All that is shown, as JSON, whenever it changes. At the end of the service it ends with the last
/// request, or the service would wait for it.
pub fn news(shop: Arc<Shop>, locks: LockClient) -> impl Stream<Item = String> + Send + 'static {
    let watcher = Watcher {
        heard: shop.board.watch(),
        own: LockToken::new("news", PULSE, Duration::ZERO),
        shop,
        locks,
        begun: false,
    };
    unfold(Some(watcher), |watcher| async move {
        let mut watcher = watcher?;
        watcher.changed().await;
        let ended = watcher.shop.board.ended();
        let shown = watcher.shown().await;
        let json = serde_json::to_string(&shown).unwrap_or_default();
        Some((json, (!ended).then_some(watcher)))
    })
}

impl Watcher {
    async fn changed(&mut self) {
        if self.begun {
            let _ = timeout(PULSE, self.heard.changed()).await;
            sleep(REST).await;
        }
        self.begun = true;
        self.heard.mark_unchanged();
    }

    /// What this process knows, and of other instances that they hold what is waited for here. Not which
    /// instance, host or token: this is for everybody to see.
    async fn shown(&self) -> Shown {
        let users = self.shop.board.waited_for();
        // All at once: they share their round trip, and the patience with a server that does not answer.
        let held = join_all(users.iter().map(|user| self.is_elsewhere(user))).await;
        let elsewhere = users.iter().zip(held).filter(|(_, held)| *held);
        let elsewhere = elsewhere.map(|(user, _)| shortened(user)).collect();
        self.shop.board.shown(elsewhere)
    }

    async fn is_elsewhere(&self, user: &str) -> bool {
        // The key of the handlers.
        let key = format!("order:{}", encode(user));
        let found = self.locks.check(&key, &self.own).await;
        matches!(found, Ok(Ownership::Other(holder)) if !self.is_own(&holder))
    }

    fn is_own(&self, holder: &Holder) -> bool {
        let process = |owner: &Owner| (owner.host.clone(), owner.pid);
        match (holder, Holder::parse(self.own.as_str().as_bytes())) {
            (Holder::Owner(holder), Holder::Owner(own)) => process(holder) == process(&own),
            _ => false,
        }
    }
}
