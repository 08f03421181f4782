//! Giving locks back.

mod background;
mod caller;
mod given_back;
mod heir;
mod job;
mod place;
mod queue;
mod stay;
mod unwritten;
mod worker;
mod works;

pub(crate) use heir::{Heir, InLine, Inheritance, Served};
pub(crate) use job::Released;
pub(crate) use place::Place;
pub(crate) use queue::Releases;
pub(crate) use stay::Stay;
pub(crate) use worker::ensure_worker;
