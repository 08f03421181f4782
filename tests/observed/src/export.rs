//! What an exporter for Prometheus makes of the metrics.

use std::collections::{BTreeMap, BTreeSet};

use lock_runtime::metrics::{Kind, METRICS, SECONDS_BUCKETS, describe};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// The one exporter of a test binary, made as the README says.
///
/// # Panics
///
/// If there is one already.
#[must_use]
pub fn exporter() -> PrometheusHandle {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        if metric.kind == Kind::Histogram {
            let name = Matcher::Full(metric.name.to_owned());
            let buckets = builder.set_buckets_for_metric(name, &SECONDS_BUCKETS);
            builder = buckets.expect("there are buckets");
        }
    }
    let handle = builder
        .install_recorder()
        .expect("the first of its process");
    describe();
    handle
}

/// An exported text, taken apart.
#[derive(Debug, Clone)]
pub struct Export {
    /// As it was exported.
    pub text: String,
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

impl Export {
    /// What the exporter gives now.
    ///
    /// # Panics
    ///
    /// If a line of it cannot be read.
    #[must_use]
    pub fn of(exporter: &PrometheusHandle) -> Self {
        let text = exporter.render();
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(sample).collect();
        Self { text, samples }
    }

    /// The sum of all samples of this name with these labels.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |found: &BTreeMap<String, String>| {
            let mut wanted = labels.iter();
            wanted.all(|(label, value)| found.get(*label).is_some_and(|found| found == value))
        };
        let matching = self
            .samples
            .iter()
            .filter(|(found, labels, _)| found == name && has(labels));
        matching.map(|(_, _, value)| value).sum()
    }

    /// The names of the samples, each with the labels that any of them has.
    #[must_use]
    pub fn names(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, labels, _) in &self.samples {
            let known = names.entry(name.clone()).or_default();
            known.extend(labels.keys().cloned());
        }
        names
    }

    /// All values of a label.
    #[must_use]
    pub fn values(&self, label: &str) -> BTreeSet<String> {
        let values = self
            .samples
            .iter()
            .filter_map(|(_, labels, _)| labels.get(label));
        values.cloned().collect()
    }

    /// The text without the buckets, to be read by people.
    #[must_use]
    pub fn short(&self) -> String {
        let lines = self.text.lines();
        let lines = lines.filter(|line| !line.contains("_bucket{") && !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// `name{label="value",…} 1`
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (head, value) = line.rsplit_once(' ').expect("a value");
    let value = value.parse().expect("a number");
    let (name, labels) = head.split_once('{').unwrap_or((head, ""));
    let labels = labels.trim_end_matches('}').trim_end_matches('"');
    let labels = labels.split("\",").filter(|label| !label.is_empty());
    let labels = labels.map(|label| {
        let (label, value) = label.split_once("=\"").expect("a label");
        (label.to_owned(), value.to_owned())
    });
    (name.to_owned(), labels.collect(), value)
}
