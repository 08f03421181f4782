//! Giving locks back.

mod place;
mod queue;
mod worker;

pub(crate) use place::Place;
pub(crate) use queue::{Released, Releases};
pub(crate) use worker::ensure_worker;
