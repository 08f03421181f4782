//! What an order service must do over the wire, whatever framework it is made with. The tests of
//! `examples/axum_orders` and `examples/actix_orders` are made of it by [`order_service`].

mod crowd;
mod ending;
mod hostile;
mod service;
mod suite;
mod watching;

pub use crowd::{crowd, crowd_without_a_lock};
pub use ending::ending;
pub use hostile::hostile;
pub use service::{Remains, Service, Watcher};
pub use tests::without_any_server;
pub use watching::{two_instances, watching, watching_a_silent_server};
