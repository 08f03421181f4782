//! What the runtime counts and measures, through the facade of the crate
//! [`metrics`](https://docs.rs/metrics): whatever recorder the program installs gets it.
//!
//! `lock` is the template of the attribute (`order:<user_id>`), for a lock taken by hand its
//! [`name`](crate::LockRequest::name): never a rendered key. What each metric means, when to worry, rules
//! for Prometheus and a dashboard for Grafana are in the folder `monitoring` of the repository.
//!
//! ```
//! // After the recorder is installed, and before the first lock.
//! lock_runtime::metrics::describe();
//! // An exporter for Prometheus has to be told that these are histograms with buckets, for instance
//! // PrometheusBuilder::new().set_buckets_for_metric(Matcher::Full(name), &SECONDS_BUCKETS)
//! for metric in lock_runtime::metrics::METRICS {
//!     println!("{} {:?} {:?}", metric.name, metric.kind, metric.labels);
//! }
//! ```

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// One of [`METRICS`]. See [the module](self) for an example.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Metric {
    /// As it is exported, with its unit.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The labels that it always has.
    pub labels: &'static [&'static str],
    /// What a recorder is told of it.
    pub description: &'static str,
}

/// What a metric is. See [the module](self) for an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A number that grows.
    Counter,
    /// How many there are now.
    Gauge,
    /// Lengths of time in seconds.
    Histogram,
}

/// Upper bounds, in seconds, for the histograms of an exporter that wants them: from a tenth of a round trip to
/// a batch job.
pub const SECONDS_BUCKETS: [f64; 14] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0,
];

pub(crate) const ACQUISITIONS: Metric = Metric {
    name: "lock_acquisitions_total",
    kind: Kind::Counter,
    labels: &["lock", "outcome"],
    description: "Calls that asked for a lock, by how that ended",
};

pub(crate) const WAIT_SECONDS: Metric = Metric {
    name: "lock_wait_seconds",
    kind: Kind::Histogram,
    labels: &["lock"],
    description: "From asking for a lock to having it",
};

pub(crate) const HOLD_SECONDS: Metric = Metric {
    name: "lock_hold_seconds",
    kind: Kind::Histogram,
    labels: &["lock"],
    description: "From having a lock to giving it back",
};

pub(crate) const HELD: Metric = Metric {
    name: "lock_held",
    kind: Kind::Gauge,
    labels: &["lock"],
    description: "Locks that this process has taken and not begun to give back",
};

pub(crate) const WAITING: Metric = Metric {
    name: "lock_waiting",
    kind: Kind::Gauge,
    labels: &["lock"],
    description: "Calls of this process that found a lock busy and wait for it",
};

pub(crate) const HANDED_OVER: Metric = Metric {
    name: "lock_handed_over_total",
    kind: Kind::Counter,
    labels: &["lock", "from"],
    description: "Locks that a waiter was given by whoever had it before",
};

pub(crate) const LOST: Metric = Metric {
    name: "lock_lost_total",
    kind: Kind::Counter,
    labels: &["lock"],
    description: "Locks that were held and could no longer be proved to be",
};

pub(crate) const RENEWALS: Metric = Metric {
    name: "lock_renewals_total",
    kind: Kind::Counter,
    labels: &["lock", "outcome"],
    description: "Extensions of a lease, by what came of them",
};

pub(crate) const RELEASE_FAILURES: Metric = Metric {
    name: "lock_release_failures_total",
    kind: Kind::Counter,
    labels: &["lock", "reason"],
    description: "Locks that could not be given back and were left to their ttl",
};

pub(crate) const FALLBACKS: Metric = Metric {
    name: "lock_fallbacks_total",
    kind: Kind::Counter,
    labels: &["to"],
    description: "Connections on which the server lacked or denied the better way",
};

/// All of them.
///
/// ```
/// let names: Vec<_> = lock_runtime::metrics::METRICS.iter().map(|metric| metric.name).collect();
/// assert!(names.contains(&"lock_acquisitions_total"));
/// ```
pub const METRICS: &[Metric] = &[
    ACQUISITIONS,
    WAIT_SECONDS,
    HOLD_SECONDS,
    HELD,
    WAITING,
    HANDED_OVER,
    LOST,
    RENEWALS,
    RELEASE_FAILURES,
    FALLBACKS,
];

/// Tells the recorder that is installed what each metric is. Does nothing where there is none; call it
/// again after another was installed.
pub fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, Unit::Count, metric.description),
            Kind::Gauge => describe_gauge!(metric.name, Unit::Count, metric.description),
            Kind::Histogram => {
                describe_histogram!(metric.name, Unit::Seconds, metric.description);
            }
        }
    }
}
