//! What the library tells of itself, as an exporter of metrics and a subscriber of traces get it.

mod answered;
mod export;
mod monitoring;
mod prometheus;
mod tree;

pub use answered::{answered_while, names_are_exported};
pub use export::{Export, exporter};
pub use monitoring::{Query, folder, queries};
pub use prometheus::{Prometheus, program};
pub use tree::Tree;

/// How an exporter is made, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../monitoring/README.md")]
pub struct Readme;
