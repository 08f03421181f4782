//! Programs that show the lock at work: `place_order.rs`, `two_hours/`, `fenced_account/`,
//! `nightly_job/`, `axum_orders/`, `actix_orders/` and `tonic_orders/`, and what some of them share.

mod interruption;
mod server;

pub use interruption::interrupted;
pub use server::{NO_SERVER, Server};

/// What ends a program that shows something.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
