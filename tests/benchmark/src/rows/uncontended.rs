//! a: one task, nobody else: lock and unlock, waiting for the release.

use std::time::Duration;

use crate::bench::{Bench, Error};
use crate::round::{alone, alternate};
use crate::spread::{Spread, percentile, time};
use crate::table::Bound;

const ROW: char = 'a';

/// A round of a contender: so many calls, unless they take longer than that.
pub(super) const CALLS: usize = 400;
pub(super) const SLICE: Duration = Duration::from_millis(150);

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(ROW, "one task, uncontended");
    let rounds = bench.pick(15, 60);
    let (contenders, figures) = Bench::runtime()?.block_on(async {
        let contenders = bench.all(Duration::ZERO).await?;
        let figures = alternate(&contenders, rounds, async |contender| {
            let took = alone(contender, SLICE, CALLS).await?;
            percentile(&took, 50).ok_or_else(|| "no call in a whole slice".to_owned())
        });
        Ok::<_, Error>((contenders.clone(), figures.await))
    })?;
    let (ours, floor) = (figures[0].clone()?, figures[1].clone()?);
    let shown = |figures: &[f64]| percentile(figures, 50).map(time).unwrap_or_default();
    bench.table.ratio(
        (ROW, "lock and unlock, p50, against the floor"),
        (shown(&ours), shown(&floor)),
        Spread::of_ratios(&ours, &floor),
        Some(Bound::AtMost(1.05)),
    );
    for (contender, figures) in contenders.iter().zip(&figures).skip(2) {
        let did = match figures {
            Ok(figures) => shown(figures),
            Err(reason) => reason.clone(),
        };
        bench.peer(ROW, contender.name(), did);
    }
    Ok(())
}
