//! Extensions of a lock that is to stay for a while when it is given back: one that is under way then, or
//! got lost, could still lengthen that.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use crate::error::StoreError;
use crate::store::LockSession;

#[derive(Default)]
pub(crate) struct Extensions(Mutex<Sent>);

#[derive(Default)]
struct Sent {
    /// The lock is given back.
    over: bool,
    last: u64,
    /// In the order of their sending.
    unanswered: Vec<(u64, Arc<dyn LockSession>)>,
}

impl Extensions {
    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls an extension that goes down `session`, and no more once the lock is given back.
    ///
    /// Cancellation safety: dropped, it counts as not answered.
    pub(crate) async fn poll<T>(
        &self,
        session: &Arc<dyn LockSession>,
        extension: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut extension = pin!(extension);
        let mut own = None;
        poll_fn(|context| {
            // Polled under the mutex: what the next poll sends is noted before the lock is given back, or not
            // sent any more.
            let mut sent = self.sent();
            if sent.over {
                // Whoever waits for it is about to end.
                return Poll::Pending;
            }
            let own = *own.get_or_insert_with(|| {
                sent.last += 1;
                let number = sent.last;
                sent.unanswered.push((number, session.clone()));
                number
            });
            let answer = extension.as_mut().poll(context);
            if let Poll::Ready(answer) = &answer
                && answer
                    .as_ref()
                    .err()
                    .is_none_or(|error| !error.is_ambiguous())
            {
                // Servers keep the order: what went down the same session before has run, too.
                sent.unanswered
                    .retain(|(number, other)| *number > own || !Arc::ptr_eq(other, session));
            }
            answer
        })
        .await
    }

    /// Lets no more be sent, and gives the sessions of those that may yet run.
    pub(crate) fn end(&self) -> Vec<Arc<dyn LockSession>> {
        let mut sent = self.sent();
        sent.over = true;
        let unanswered = std::mem::take(&mut sent.unanswered);
        unanswered.into_iter().map(|(_, session)| session).collect()
    }
}
