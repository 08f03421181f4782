//! Giving locks back.

mod heir;
mod place;
mod queue;
mod worker;

pub(crate) use heir::{Heir, InLine, Inheritance, Served};
pub(crate) use place::Place;
pub(crate) use queue::{Released, Releases};
pub(crate) use worker::ensure_worker;
