//! m: many keys, each used once, in a process of its own.

use crate::bench::{Bench, Error};
use crate::processes::child::Child;
use crate::spread::short;
use crate::table::Bound;

const ROW: char = 'm';

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(ROW, "100,000 keys, each used once");
    let mut child = Child::start("keys", &[bench.server.url()])?;
    let mut next = || -> Result<f64, Error> { Ok(child.line()?.parse()?) };
    let (start, end) = (next()?, next()?);
    bench.table.beside(
        (ROW, "live heap bytes after 100,000 keys, against the start"),
        format!("{} → {} KiB", short(start / 1024.0), short(end / 1024.0)),
        Some((end / start - 1.0) * 100.0),
        " %",
        Some(Bound::AtMost(5.0)),
    );
    Ok(())
}
