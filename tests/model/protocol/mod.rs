//! What the parties do: the clients, the server and the resource that the lock protects.

mod asking;
mod client;
mod handing;
mod holding;
mod line;
mod passing;
mod place;
mod resource;
mod server;

pub(crate) use client::{Client, Ended, Lease, Phase};
pub(crate) use line::Turn;
pub(crate) use resource::{Access, Resource};
pub(crate) use server::Server;
