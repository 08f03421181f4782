//! How a waiter wakes up, and what cannot keep it from doing so: real servers, and what they were told.

mod acks;
mod claims;
mod crowded;
mod deaf;
mod line;
mod privileges;
mod storm;
mod trace;
mod traces;
mod turmoil;
mod waiting;
mod words;
mod world;
