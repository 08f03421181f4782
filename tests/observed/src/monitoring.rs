//! What is in the folder `monitoring`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A query of the dashboard or of a rule.
#[derive(Debug, Clone)]
pub struct Query {
    /// Where it stands.
    pub of: String,
    /// In Prometheus' language, without Grafana's variables.
    pub text: String,
}

/// The folder itself.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../monitoring")
}

/// All queries, for a window of `window`, such as `10s`.
///
/// # Panics
///
/// If the files are not as they are meant.
#[must_use]
pub fn queries(window: &str) -> Vec<Query> {
    let board = fs::read_to_string(folder().join("dashboard.json")).expect("the dashboard");
    let board: Value = serde_json::from_str(&board).expect("JSON");
    let panels = board["panels"].as_array().expect("panels");
    let mut found = Vec::new();
    for panel in panels {
        let title = panel["title"].as_str().expect("a title");
        for target in panel["targets"].as_array().expect("targets") {
            let text = target["expr"].as_str().expect("a query");
            let text = text.replace("$__rate_interval", window);
            let text = text.replace("$lock", ".*").replace("$instance", ".*");
            assert!(!text.contains('$'), "{title}: a variable unknown: {text}");
            let of = format!("panel `{title}`");
            found.push(Query { of, text });
        }
    }
    let rules = fs::read_to_string(folder().join("rules.yml")).expect("the rules");
    let mut alert = String::new();
    for line in rules.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("- alert: ") {
            name.clone_into(&mut alert);
        } else if let Some(text) = line.strip_prefix("expr: ") {
            let of = format!("alert `{alert}`");
            let text = text.to_owned();
            found.push(Query { of, text });
        }
    }
    found
}

impl Query {
    /// Each metric that it names, with the labels that it asks that metric for.
    ///
    /// Reads as much of the language as our own queries use: selectors, and `by (…)`, whose labels every metric
    /// of the query has to have.
    ///
    /// # Panics
    ///
    /// If the query is no query.
    #[must_use]
    pub fn names(&self) -> Vec<(String, BTreeSet<String>)> {
        let mut found: Vec<(String, BTreeSet<String>)> = Vec::new();
        let mut by = BTreeSet::new();
        let mut rest = self.text.as_str();
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
            rest = &rest[start..];
            let end = rest.find(|c: char| !word(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            rest = after;
            if name == "by" {
                let (labels, after) = after.split_once(')').expect("an end");
                let labels = labels.trim_start().trim_start_matches('(').split(',');
                by.extend(labels.map(|label| label.trim().to_owned()));
                rest = after;
            } else if name.starts_with("lock_") {
                let mut labels = BTreeSet::new();
                if let Some(selector) = after.strip_prefix('{') {
                    let (selector, after) = selector.split_once('}').expect("an end");
                    let matchers = selector.split(", ");
                    let label = |matcher: &str| matcher.split(['=', '!']).next().map(str::to_owned);
                    labels.extend(matchers.filter_map(label));
                    rest = after;
                }
                found.push((name.to_owned(), labels));
            }
        }
        for (_, labels) in &mut found {
            labels.extend(by.iter().cloned());
        }
        found
    }

    /// The query of an alert without what it compares with: whether it is answered, not whether it is true.
    #[must_use]
    pub fn without_threshold(&self) -> String {
        let mut depth = 0;
        let end = self.text.char_indices().find(|(at, c)| {
            depth += i32::from(*c == '(') - i32::from(*c == ')');
            let rest = &self.text[*at..];
            let ends = [" > ", " or ", " unless "].iter();
            depth == 0 && ends.into_iter().any(|end| rest.starts_with(end))
        });
        let compared = &self.text[..end.map_or(self.text.len(), |(at, _)| at)];
        compared.to_owned()
    }
}
