//! A token that is given back, as one command or two at the store.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use super::stay::left;
use crate::error::StoreError;
use crate::line::Lines;
use crate::lock_key::LockKey;
use crate::store::{Head, LockSession, Release};
use crate::token::LockToken;

/// A token that is to be deleted from its key, and from its line.
pub(super) struct GivenBack<'a> {
    pub(super) lines: &'a Lines,
    pub(super) key: &'a LockKey,
    pub(super) token: &'a LockToken,
    pub(super) head: Option<&'a Head>,
    pub(super) stays_until: Option<Instant>,
}

impl GivenBack<'_> {
    pub(super) async fn on(&self, session: &Arc<dyn LockSession>) -> Result<Release, StoreError> {
        let Self {
            lines,
            key,
            token,
            head,
            stays_until,
        } = *self;
        if let Some(left) = left(stays_until) {
            // Boxed: all others would carry it.
            return Box::pin(self.kept(session, left)).await;
        }
        let line = lines.key_of(key);
        let others = lines.has_others(key);
        let passed = match &line {
            Some(line) if head.is_some() || others => {
                let passed = session.pass(key, line, token, head, None, Duration::ZERO);
                passed.await?
            }
            line => session.release(key, line.as_deref(), token).await?,
        };
        if passed.others != others {
            lines.note_others(key, passed.others);
        }
        if let Some(line) = line
            && passed.release == Release::Deleted
            && passed.others
        {
            pass_afterwards(session.clone(), key, line, token);
        }
        Ok(passed.release)
    }

    /// For so long it stays at its key; in its line there is no place for it any more.
    async fn kept(
        &self,
        session: &Arc<dyn LockSession>,
        left: Duration,
    ) -> Result<Release, StoreError> {
        let Self {
            lines,
            key,
            token,
            head,
            ..
        } = *self;
        let release = session.shorten(key, token, left).await?;
        if let Some(line) = lines.key_of(key).filter(|_| head.is_some()) {
            // Stands nowhere, so that nothing else is deleted.
            let other = LockToken::new("none", Duration::ZERO, Duration::ZERO);
            let passed = session.pass(key, &line, &other, head, None, Duration::ZERO);
            passed.await?;
        }
        Ok(release)
    }
}

/// Passes on what was deleted while somebody stood in line, who was not told. Ahead of whatever this
/// client asks next; its answer says nothing that anybody waits for, but it has to live until it is
/// written.
fn pass_afterwards(session: Arc<dyn LockSession>, key: &str, line: String, token: &LockToken) {
    let (key, token) = (key.to_owned(), token.clone());
    let mut passing = Box::pin(async move {
        let passed = session.pass(&key, &line, &token, None, None, Duration::ZERO);
        let _ = passed.await;
    });
    if passing.as_mut().now_or_never().is_none() {
        tokio::spawn(passing);
    }
}
