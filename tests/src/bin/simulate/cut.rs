//! Callers that drop their call.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    Endless,
    /// So many polls: every await of the call is reached by some number.
    Polls(u64),
    Time(Duration),
}

impl Patience {
    /// `None` if the patience ended first; the call is dropped then.
    pub(crate) async fn with<T>(self, call: impl Future<Output = T>) -> Option<T> {
        match self {
            Self::Endless => Some(call.await),
            Self::Time(limit) => timeout(limit, call).await.ok(),
            Self::Polls(mut left) => {
                let mut call = pin!(call);
                poll_fn(|context| {
                    if let Poll::Ready(output) = call.as_mut().poll(context) {
                        return Poll::Ready(Some(output));
                    }
                    left -= 1;
                    if left == 0 {
                        Poll::Ready(None)
                    } else {
                        Poll::Pending
                    }
                })
                .await
            }
        }
    }
}
