//! n: one of the processes that compete is stopped while it waits, and is killed later, or goes on.

use std::time::Duration;

use crate::bench::{Bench, Error};
use crate::processes::crew::{Crew, Then};
use crate::spread::short;
use crate::table::Bound;

const ROW: char = 'n';
const STOPPED: Duration = Duration::from_secs(1);

/// What is shorter is a hand-over on a busy machine.
const STILL: Duration = Duration::from_millis(20);

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(
        ROW,
        "a waiting process is stopped for 1 s, then killed, or goes on",
    );
    let crew = Crew {
        contender: "ours",
        processes: 3,
        tasks: 4,
        section: Duration::from_millis(2),
        length: Duration::from_secs(3),
    };
    let (mut still, mut overlaps, mut failures, mut turns) = (Vec::new(), 0, 0, 0);
    for _ in 0..bench.pick(2, 6) {
        let told = crew.run_with_a_stop(&bench.server, STOPPED, Then::IsKilled)?;
        still.push(told.stood_still(STILL) * 1e3);
        // What it does on a lock that was passed to it meanwhile shows if it goes on.
        let goes_on = crew.run_with_a_stop(&bench.server, STOPPED, Then::GoesOn)?;
        for told in [told, goes_on] {
            overlaps += told.overlaps();
            failures += told.failures();
            turns += told.count();
        }
    }
    let worst = still.iter().copied().fold(0.0, f64::max);
    let all: Vec<String> = still.iter().map(|&still| short(still)).collect();
    bench.table.beside(
        (ROW, "the others stand still, in all"),
        format!("rounds: {} ms", all.join(", ")),
        Some(worst),
        " ms",
        Some(Bound::AtMost(300.0)),
    );
    let figure = (ROW, "sections that overlap");
    let bound = Some(Bound::AtMost(0.0));
    bench.table.beside(
        figure,
        format!("of {turns} turns"),
        Some(overlaps as f64),
        "",
        bound,
    );
    bench.table.beside(
        (
            ROW,
            "calls that failed, which a machine that stands still can cause",
        ),
        format!("of {}", turns + failures),
        Some(failures as f64),
        "",
        Some(Bound::AtMost(0.0)),
    );
    Ok(())
}
