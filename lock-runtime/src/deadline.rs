//! A deadline over what ends its first wait by itself, and needs a timer only beyond that.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::time::{Instant, sleep_until};

/// Like `timeout_at`, but where what `future` waits for first `ends` by itself before `deadline`, as a command to the
/// store does by its response timeout, without a timer for that: to set one and take it back costs as much as
/// to print the command. Asked when `future` waits.
///
/// Cancellation safety: that of `future`.
pub(crate) async fn by<F: Future>(
    deadline: Instant,
    mut future: Pin<&mut F>,
    ends: impl FnOnce() -> bool,
) -> Option<F::Output> {
    let mut ends = Some(ends);
    let first = poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Pending if ends.take().is_some_and(|ends| ends()) => Poll::Pending,
        polled => Poll::Ready(polled),
    });
    if let Poll::Ready(output) = first.await {
        return Some(output);
    }
    let mut timer = pin!(sleep_until(deadline));
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        timer.as_mut().poll(context).map(|()| None)
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_after_its_first_wait_counts() {
        let deadline = Instant::now() + SECOND;
        assert_eq!(by(deadline, pin!(async { 1 }), || true).await, Some(1));
        let once = pin!(async {
            sleep(2 * SECOND).await;
            2
        });
        assert_eq!(by(deadline, once, || true).await, Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_by_itself_ends_at_the_deadline() {
        let start = Instant::now();
        let never = pin!(std::future::pending::<()>());
        assert_eq!(by(start + SECOND, never, || false).await, None);
        assert_eq!(start.elapsed(), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn any_later_wait_ends_at_the_deadline() {
        let start = Instant::now();
        let twice = pin!(async {
            sleep(SECOND).await;
            std::future::pending::<()>().await;
        });
        assert_eq!(by(start + 3 * SECOND, twice, || true).await, None);
        assert_eq!(start.elapsed(), 3 * SECOND);
    }
}
