//! The span of a guarded call.

use std::future::poll_fn;
use std::pin::Pin;

use tracing::field::Empty;
use tracing::{Level, Span, info_span};

use super::{Name, TARGET, hears, unfinished};

const SPAN: &str = "distributed_lock";

/// A guarded call from its first poll on: whatever is told while it is polled is inside of its span.
/// Entered for each poll alone, for a span that stays entered over an `.await` covers what others do.
pub(crate) struct Call(Option<Box<Span>>);

impl Call {
    pub(crate) fn begins(name: Name) -> Self {
        if !hears(Level::INFO) {
            return Self(None);
        }
        let span = info_span!(
            target: TARGET,
            SPAN,
            lock.key = name.template,
            lock.name = name.function,
            lock.outcome = Empty,
        );
        // Boxed: every call would carry it.
        Self((!span.is_disabled()).then(|| Box::new(span)))
    }

    /// The span of the innermost call that is being polled, unless another one is inside of it.
    pub(super) fn current() -> Span {
        let span = Span::current();
        let own = span.metadata().is_some_and(|span| span.name() == SPAN);
        if own { span } else { Span::none() }
    }

    pub(crate) fn poll<T>(&self, poll: impl FnOnce() -> T) -> T {
        match &self.0 {
            None => poll(),
            Some(span) => span.in_scope(poll),
        }
    }

    /// The same for all of its polls.
    pub(crate) async fn within<F: Future + Unpin>(&self, mut future: F) -> F::Output {
        poll_fn(|context| self.poll(|| Pin::new(&mut future).poll(context))).await
    }

    pub(crate) fn ended(mut self, outcome: &'static str) {
        if let Some(span) = self.0.take() {
            span.record("lock.outcome", outcome);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(span) = &self.0 {
            span.record("lock.outcome", unfinished());
        }
    }
}
