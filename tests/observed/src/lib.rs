//! What the library tells of itself, as an exporter of metrics and a subscriber of traces get it.

mod export;
mod monitoring;
mod prometheus;
mod tree;

pub use export::{Export, exporter};
pub use monitoring::{Query, folder, queries};
pub use prometheus::{Prometheus, program};
pub use tree::Tree;
