//! Whether what is exported answers the queries of the folder `monitoring`.

use std::thread::sleep;
use std::time::Duration;

use lock_runtime::metrics::METRICS;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::export::Export;
use crate::monitoring::queries;
use crate::prometheus::Prometheus;

/// What Prometheus adds to whatever it scrapes.
const ADDED: [&str; 3] = ["instance", "job", "le"];

/// Every metric and label that a query names is exported, and every metric is described.
///
/// # Panics
///
/// If one is not.
pub fn names_are_exported(export: &Export) {
    let exported = export.names();
    let queries = queries("10s");
    assert!(queries.len() > 15, "{queries:?}");
    for query in &queries {
        let named = query.names();
        assert!(!named.is_empty(), "{} names nothing", query.of);
        for (name, labels) in named {
            let has = exported.get(&name);
            let has = has.unwrap_or_else(|| panic!("{}: no `{name}`", query.of));
            for label in labels {
                let known = has.contains(&label) || ADDED.contains(&&*label);
                assert!(known, "{}: no `{label}` on `{name}`", query.of);
            }
        }
    }
    for metric in METRICS {
        let help = format!("# HELP {} {}\n", metric.name, metric.description);
        assert!(export.text.contains(&help), "{help}");
        // Nothing is exported under a name that no query asks for.
        let asked = queries.iter().any(|query| query.text.contains(metric.name));
        assert!(asked, "no query asks for {}", metric.name);
    }
}

/// A real Prometheus scrapes while `work` goes on in another thread, and answers every query. Prints how many
/// series and what the greatest value was.
///
/// # Panics
///
/// If a query is refused or not answered, or its answer is no number.
pub fn answered_while(exporter: PrometheusHandle, work: impl FnOnce()) {
    let prometheus = Prometheus::start(exporter);
    work();
    let Some(prometheus) = prometheus else { return };
    // Two more scrapes, of which there is one each second: what is seen once has no rate.
    sleep(Duration::from_millis(3_500));
    for query in queries("1m") {
        let text = query.without_threshold();
        // The whole is understood, too.
        let firing = prometheus.ask(&query.text);
        let values = prometheus.ask(&text);
        assert!(!values.is_empty(), "{}: no answer to {text}", query.of);
        let greatest = values.iter().copied().fold(f64::MIN, f64::max);
        println!(
            "{:45} {:3} series, at most {greatest:9.4}{}",
            query.of,
            values.len(),
            if query.of.starts_with("alert") && !firing.is_empty() {
                ", fires or is about to"
            } else {
                ""
            }
        );
        let number = values.iter().any(|value| value.is_finite());
        assert!(number, "{}: {values:?} to {text}", query.of);
    }
}
