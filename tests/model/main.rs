//! The lock's protocol as a model: every interleaving of its steps and faults, within small bounds.
//!
//! Each world of `worlds` has a budget of faults and is visited to its end; then each rule of `rules`
//! is taken out, and the model must find what it was for. What the network may do is said in
//! `network`, what is promised in `properties`, what the clients leave out in the files of
//! `protocol`. One clock ticks for all: drift, and the margin against it, are left out.
//!
//! Where a world passes locks on, every call is the head of its client's local queue: it asks by the
//! script that joins the line, and all that it has to believe is in `protocol/line.rs`. Left out: a
//! first SET that joins nothing; entries dropped because nobody was told, which is a line lost for one;
//! news that only say when to look; claims that differ from waiter to waiter.
//!
//! `cargo test -p model -- --nocapture` prints states and counter-examples;
//! with `MODEL=long` it visits larger worlds, too, which takes minutes.

mod network;
mod properties;
mod protocol;
mod removed;
mod rules;
mod state;
mod visit;
mod world;
mod worlds;
