//! The lock's protocol as a model: every interleaving of its steps and faults, within small bounds.
//!
//! Each world of `world` has a budget of faults and is visited to its end; then each rule of `rules`
//! is taken out, and the model must find what it was for. What the network may do is said in
//! `network`, what is promised in `properties`, what the clients leave out in the files of
//! `protocol`. One clock ticks for all: drift, and the margin against it, are left out.
//!
//! `cargo test -p tests --test model -- --nocapture` prints states and counter-examples;
//! with `MODEL=long` it visits larger worlds, too, which takes minutes.

mod network;
mod properties;
mod protocol;
mod removed;
mod rules;
mod state;
mod visit;
mod world;
