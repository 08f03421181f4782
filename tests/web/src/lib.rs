//! One service in three frameworks, which the tests drive over the wire, and what its locks fail by.

pub mod actix_app;
pub mod axum_app;
pub mod failing;
pub mod messages;
pub mod tonic_app;
pub mod world;

pub use tests::http;

/// The gRPC service of `build.rs`.
#[allow(missing_docs, clippy::pedantic)]
pub mod orders {
    include!(concat!(env!("OUT_DIR"), "/orders.Orders.rs"));
}

/// The examples of the frameworks' pages, compiled and run.
#[cfg(doctest)]
pub mod pages {
    #[doc = include_str!("../../../lock-runtime/src/web/actix.md")]
    pub struct Actix;
    #[doc = include_str!("../../../lock-runtime/src/web/axum.md")]
    pub struct Axum;
    #[doc = include_str!("../../../lock-runtime/src/web/tonic.md")]
    pub struct Tonic;
    #[doc = include_str!("../../../lock-runtime/src/web/tower.md")]
    pub struct Tower;
}
