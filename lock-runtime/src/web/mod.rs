//! A failed lock as an answer of a web service, and the lock client of a request.
//!
//! | feature | module | what it brings |
//! | --- | --- | --- |
//! | `axum` | `web::axum` | [`LockError`](crate::LockError) is a response |
//! | `actix` | `web::actix` | `LockError` is a `ResponseError`; a middleware that sets the client for each request |
//! | `tonic` | `web::tonic` | `LockError` becomes a `Status` |
//! | `tower` | `web::tower` | a layer that sets the client for each request; comes with `axum` and `tonic` |
//!
//! All answer by one table. [`Problem`] is its one place, also for those who use another framework.

#[cfg(feature = "actix")]
#[cfg_attr(docsrs, doc(cfg(feature = "actix")))]
pub mod actix;
#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub mod axum;
mod problem;
#[cfg(feature = "tonic")]
#[cfg_attr(docsrs, doc(cfg(feature = "tonic")))]
pub mod tonic;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub mod tower;

pub use problem::Problem;
