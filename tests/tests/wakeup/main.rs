//! How a waiter wakes up, and what cannot keep it from doing so: real servers, and what they were told.

mod acks;
mod claims;
mod deaf;
mod line;
mod privileges;
mod trace;
mod traces;
mod waiting;
mod world;
