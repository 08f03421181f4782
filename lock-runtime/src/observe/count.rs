//! Counting, which is nothing without the feature `metrics`.

#[cfg(not(feature = "metrics"))]
pub(crate) use self::nothing::*;
#[cfg(feature = "metrics")]
pub(crate) use self::something::*;

#[cfg(feature = "metrics")]
mod something {
    use std::time::Duration;

    use ::metrics::{counter, gauge, histogram};

    use crate::metrics::{
        ACQUISITIONS, FALLBACKS, HANDED_OVER, HELD, HOLD_SECONDS, LOST, RELEASE_FAILURES, RENEWALS,
        WAIT_SECONDS, WAITING,
    };
    use crate::observe::Name;

    /// What a metric names a lock by.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Label(&'static str);

    impl From<Name> for Label {
        fn from(name: Name) -> Self {
            Self(name.template.unwrap_or(name.function))
        }
    }

    pub(crate) fn acquired(Label(lock): Label, waited: Duration) {
        counter!(ACQUISITIONS.name, "lock" => lock, "outcome" => "acquired").increment(1);
        histogram!(WAIT_SECONDS.name, "lock" => lock).record(waited);
    }

    pub(crate) fn not_acquired(Label(lock): Label, outcome: &'static str) {
        counter!(ACQUISITIONS.name, "lock" => lock, "outcome" => outcome).increment(1);
    }

    pub(crate) fn waits(Label(lock): Label, more: f64) {
        gauge!(WAITING.name, "lock" => lock).increment(more);
    }

    pub(crate) fn holds(Label(lock): Label, more: f64) {
        gauge!(HELD.name, "lock" => lock).increment(more);
    }

    pub(crate) fn held(Label(lock): Label, held: Duration) {
        histogram!(HOLD_SECONDS.name, "lock" => lock).record(held);
    }

    pub(crate) fn handed_over(Label(lock): Label, from: &'static str) {
        counter!(HANDED_OVER.name, "lock" => lock, "from" => from).increment(1);
    }

    pub(crate) fn renewed(Label(lock): Label, outcome: &'static str) {
        counter!(RENEWALS.name, "lock" => lock, "outcome" => outcome).increment(1);
    }

    pub(crate) fn lost(Label(lock): Label) {
        counter!(LOST.name, "lock" => lock).increment(1);
    }

    pub(crate) fn release_failed(Label(lock): Label, reason: &'static str) {
        counter!(RELEASE_FAILURES.name, "lock" => lock, "reason" => reason).increment(1);
    }

    pub(crate) fn fell_back(to: &'static str) {
        counter!(FALLBACKS.name, "to" => to).increment(1);
    }
}

#[cfg(not(feature = "metrics"))]
mod nothing {
    use std::time::Duration;

    use crate::observe::Name;

    /// Of no size.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Label;

    impl From<Name> for Label {
        fn from(_: Name) -> Self {
            Self
        }
    }

    pub(crate) fn acquired(_: Label, _: Duration) {}
    pub(crate) fn not_acquired(_: Label, _: &'static str) {}
    pub(crate) fn waits(_: Label, _: f64) {}
    pub(crate) fn holds(_: Label, _: f64) {}
    pub(crate) fn held(_: Label, _: Duration) {}
    pub(crate) fn handed_over(_: Label, _: &'static str) {}
    pub(crate) fn renewed(_: Label, _: &'static str) {}
    pub(crate) fn lost(_: Label) {}
    pub(crate) fn release_failed(_: Label, _: &'static str) {}
    pub(crate) fn fell_back(_: &'static str) {}
}
