//! The program over the wire: a real server, real locks, and what strangers leave on it.

mod fields;
mod guide;
mod leaks;
mod list;
mod many;
mod pattern;
mod release;
mod serve;
mod show;
mod terminal;
mod tool;
mod trouble;
mod watch;
mod world;
