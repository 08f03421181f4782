//! One SET, or one question in line, of a contender.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Call, Contender};
use crate::error::StoreError;
use crate::observe::Giver;
use crate::store::{Fenced, Joined, LockSession, Stored};
use crate::token::LockToken;
use crate::wait::Expiry;

/// So long a line is kept beyond the longest wait in it.
const LINE_REST: Duration = Duration::from_secs(10);

/// What a SET did.
pub(super) enum Taken {
    /// The key was free and holds our token now.
    Granted,
    /// Our token stood there already.
    Found,
    Busy(Stored, Expiry),
}

impl Contender<'_> {
    /// Lets the releases of this client for the same key go first, or the call would be busy against
    /// itself; gives the tokens whose CAD goes ahead on `session`. Not for long: the worker that has
    /// them may be in a runtime that stands still.
    async fn give_way(&self, session: &Arc<dyn LockSession>) -> Vec<LockToken> {
        let Call { shared, key, .. } = self.call;
        if !shared.releases.releases(key) {
            return Vec::new();
        }
        // What follows is right either way.
        let ahead = shared.releases.all_ahead(key, session);
        timeout_at(self.patience(), ahead).await.unwrap_or_default()
    }

    fn patience(&self) -> Instant {
        self.patience.unwrap_or_else(Instant::now)
    }

    /// One SET. A release that was sent ahead of it need not have done its work: its script may have
    /// been unknown, and sent again behind the SET. Then the SET is repeated when that is answered.
    pub(super) async fn take_behind(
        &mut self,
        session: &Arc<dyn LockSession>,
    ) -> Result<Taken, StoreError> {
        let ahead = self.give_way(session).await;
        self.place.sending(session);
        let taken = self.take(session).await?;
        match &taken {
            Taken::Busy(stored, _) if ahead.iter().any(|token| stored.is(token)) => {}
            _ => return Ok(taken),
        }
        self.place.missed(session);
        let Call { shared, key, .. } = self.call;
        // As above.
        let _ = timeout_at(self.patience(), shared.releases.all_written(key)).await;
        self.place.sending(session);
        self.take(session).await
    }

    async fn take(&mut self, session: &Arc<dyn LockSession>) -> Result<Taken, StoreError> {
        let Call {
            shared,
            key,
            fence_key,
            options,
            ..
        } = self.call;
        let (ours, ttl) = (&self.token, options.ttl);
        if let Some(standing) = &mut self.standing
            && let Some(line) = shared.line_of(key)
        {
            let waits = |until: Instant| until.saturating_duration_since(Instant::now());
            let limit = self.give_up.map_or(Duration::ZERO, waits) + LINE_REST;
            let stood = self.place.is_in_line();
            self.place.stands(&standing.head);
            let asked = standing.asking();
            let joined = session.join(key, &line, fence_key, &standing.head, ttl, limit);
            let joined = joined.await?;
            self.giver = match &joined {
                // As far as we know: an earlier question that was not answered may have found it free.
                Joined::Ours(_) if stood => Some(Giver::OtherClient),
                _ => None,
            };
            match joined {
                Joined::Granted(fence) | Joined::Ours(fence) => {
                    self.fence = fence;
                    self.place.leaves_line();
                    return Ok(Taken::Granted);
                }
                Joined::Held {
                    stored,
                    left,
                    position,
                } => {
                    if let Some(position) = position {
                        standing.answered(&asked, position);
                    } else {
                        self.standing = None;
                        self.lineless = true;
                        if !stood {
                            self.place.leaves_line();
                        }
                    }
                    return Ok(Taken::Busy(stored, Expiry::left(left)));
                }
                Joined::NoLine => {
                    self.standing = None;
                    self.lineless = true;
                    if !stood {
                        self.place.leaves_line();
                    }
                }
            }
        }
        // What stands at the key may have been passed on to it, for a claim and without a fence.
        if self.place.is_in_line() {
            let own = Stored::Value(ours.as_str().into());
            return Ok(Taken::Busy(own, Expiry::Unknown));
        }
        let Some(fence_key) = fence_key else {
            let form = options.form.unwrap_or(shared.settings.form);
            let found = session.acquire(key, ours, ttl, form).await?;
            return Ok(match found {
                None => {
                    self.giver = None;
                    Taken::Granted
                }
                Some(stored) if stored.is(ours) => Taken::Found,
                Some(stored) => Taken::Busy(stored, Expiry::Unknown),
            });
        };
        let (fence, taken) = match session.acquire_fenced(key, fence_key, ours, ttl).await? {
            Fenced::Granted(fence) => (fence, Taken::Granted),
            Fenced::Ours(fence) => (fence, Taken::Found),
            Fenced::Held(stored) => return Ok(Taken::Busy(stored, Expiry::Unknown)),
        };
        self.fence = Some(fence);
        Ok(taken)
    }
}
