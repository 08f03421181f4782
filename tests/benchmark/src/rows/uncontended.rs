//! a: one task, nobody else: lock and unlock, waiting for the release.

use std::sync::Arc;
use std::time::Duration;

use crate::bench::{Bench, Error};
use crate::careful::Careful;
use crate::peers;
use crate::round::{alone, alternate, side_by_side};
use crate::spread::{Spread, percentile, time};
use crate::table::Bound;

const ROW: char = 'a';

/// A round of a contender: so many calls, unless a peer takes longer than that.
pub(super) const CALLS: usize = 400;
pub(super) const SLICE: Duration = Duration::from_millis(150);

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(ROW, "one task, uncontended");
    let rounds = bench.pick(15, 60);
    let ([ours, floor, careful], peers, figures) = Bench::runtime()?.block_on(async {
        let mut three = bench.two(Duration::ZERO).await?;
        three.push(Arc::new(Careful::connect(&bench.server.url()).await?));
        let mut medians: [Vec<f64>; 3] = Default::default();
        for _ in 0..rounds {
            let took = side_by_side(&three, CALLS).await?;
            for (medians, took) in medians.iter_mut().zip(&took) {
                medians.extend(percentile(took, 50));
            }
        }
        let peers = peers::connect(&bench.server.url()).await?;
        let figures = alternate(&peers, rounds, async |peer| {
            let took = alone(peer, SLICE, CALLS).await?;
            percentile(&took, 50).ok_or_else(|| "no call in a whole slice".to_owned())
        });
        let figures = figures.await;
        Ok::<_, Error>((medians, peers, figures))
    })?;
    let shown = |figures: &[f64]| percentile(figures, 50).map(time).unwrap_or_default();
    bench.table.ratio(
        (ROW, "lock and unlock, p50, against the floor"),
        (shown(&ours), shown(&floor)),
        Spread::of_ratios(&ours, &floor),
        Some(Bound::AtMost(1.05)),
    );
    bench.table.ratio(
        (ROW, "the same, against by hand, with our commands"),
        (shown(&ours), shown(&careful)),
        Spread::of_ratios(&ours, &careful),
        None,
    );
    bench.table.note(
        ROW,
        "over the loopback interface a round trip is little more than the waking of two threads, so that what \
         a call does of its own (k) shows. Nothing else is waited for in c, where it shows whole. Between two \
         answers everybody sleeps, and where the cores do, too, code comes from memory; ARCHITECTURE.md counts \
         its lines.",
    );
    for (peer, figures) in peers.iter().zip(&figures) {
        let did = match figures {
            Ok(figures) => shown(figures),
            Err(reason) => reason.clone(),
        };
        bench.peer(ROW, peer.name(), did);
    }
    Ok(())
}
