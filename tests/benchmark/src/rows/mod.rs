//! One file a question, each of which may measure several rows.

pub(crate) mod attribute;
pub(crate) mod background;
pub(crate) mod cost;
pub(crate) mod crossing;
pub(crate) mod distinct;
pub(crate) mod expiry;
pub(crate) mod greedy;
pub(crate) mod keys;
pub(crate) mod queue;
pub(crate) mod renewal;
pub(crate) mod stopped;
pub(crate) mod uncontended;
pub(crate) mod waiters;

use crate::bench::{Bench, Error};

/// What measures a row.
pub(crate) type Row = fn(&mut Bench) -> Result<(), Error>;

/// All rows, in the order of the table.
pub(crate) const ALL: [(char, Row); 14] = [
    ('a', uncontended::run),
    ('b', background::run),
    ('c', distinct::run),
    ('d', queue::without_section),
    ('e', greedy::run),
    ('f', queue::with_section),
    ('g', crossing::run),
    ('n', stopped::run),
    ('h', expiry::run),
    ('i', waiters::run),
    ('j', attribute::run),
    ('k', cost::run),
    ('l', renewal::run),
    ('m', keys::run),
];
