//! Where one head is told, on the connection that all heads of its runtime share.

use std::pin::Pin;
use std::sync::Arc;

use redis::cmd;

use super::dialect::{Failure, stored, told};
use super::watch::Watch;
use crate::error::{StoreError, StoreErrorKind};
use crate::store::{Inbox, Listener, News, StoreFuture, Stored};
use crate::token::LockToken;

/// The ear of one head.
pub(super) struct Ear {
    watch: Arc<Watch>,
    key: Arc<str>,
    token: LockToken,
    inbox: Arc<Inbox>,
}

impl Ear {
    pub(super) fn new(watch: Arc<Watch>, key: &Arc<str>, token: &LockToken) -> Self {
        let inbox = watch.enter(key, token);
        Self {
            watch,
            key: key.clone(),
            token: token.clone(),
            inbox,
        }
    }
}

impl Listener for Ear {
    fn ready(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.watch.settled())
    }

    fn address(&self) -> Option<Arc<str>> {
        self.watch.address()
    }

    fn heard(&self) -> Pin<Box<dyn Future<Output = News> + Send + '_>> {
        Box::pin(self.inbox.heard())
    }

    fn watch(&self) -> StoreFuture<'_, Option<Stored>> {
        Box::pin(async {
            let Some(channel) = self.watch.tracking() else {
                let message = "the server does not tell of keys that change";
                return Err(StoreError::new(StoreErrorKind::Unreachable, message));
            };
            // Before it is sent: what is invalidated from then on is news.
            self.inbox.forget_change();
            match channel.send(cmd("GET").arg(&*self.key)).await {
                Ok(value) => channel.sensible(stored(value)),
                Err(Failure::WrongType) => Ok(Some(Stored::OtherType)),
                Err(failure) => Err(told(failure, "GET")),
            }
        })
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.watch.leave(&self.key, &self.token, &self.inbox);
    }
}
