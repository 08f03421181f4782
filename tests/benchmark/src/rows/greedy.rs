//! e: tasks that come straight back for one key.

use std::time::Duration;

use crate::bench::{Bench, Error};
use crate::contender::WAIT;
use crate::round::{alternate, greedy};
use crate::spread::{Spread, percentile, short, time};
use crate::table::Bound;

const ROW: char = 'e';
const TASKS: usize = 16;

/// Peers pause for hundreds of milliseconds between two tries.
const SLICE: Duration = Duration::from_secs(1);

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(ROW, "16 tasks, one key, greedy");
    let rounds = bench.pick(5, 15);
    let (contenders, figures) = Bench::runtime()?.block_on(async {
        let contenders = bench.all(WAIT).await?;
        let figures = alternate(&contenders, rounds, async |contender| {
            greedy(contender, TASKS, SLICE, |_| "greedy".to_owned()).await
        });
        Ok::<_, Error>((contenders.clone(), figures.await))
    })?;
    let time_each = |rounds: &[Vec<usize>]| -> Vec<f64> {
        let turns = rounds.iter().map(|turns| turns.iter().sum::<usize>());
        turns
            .map(|turns| SLICE.as_secs_f64() / turns as f64)
            .collect()
    };
    let shown = |figures: &[f64]| percentile(figures, 50).map(time).unwrap_or_default();
    let (ours, floor) = (figures[0].clone()?, figures[1].clone()?);
    let (our_time, floors_time) = (time_each(&ours), time_each(&floor));
    bench.table.ratio(
        (ROW, "time an acquisition, against the local queue"),
        (shown(&our_time), shown(&floors_time)),
        Spread::of_ratios(&our_time, &floors_time),
        Some(Bound::AtMost(0.65)),
    );
    let beside = largest_share(&floor).map(short).unwrap_or_default() + " %";
    let bound = Some(Bound::AtMost(10.0));
    let figure = (ROW, "largest share of a task");
    bench
        .table
        .beside(figure, beside, largest_share(&ours), " %", bound);
    for (at, contender) in contenders.iter().enumerate() {
        let did = match &figures[at] {
            Ok(rounds) => {
                let times = time_each(rounds);
                let median = percentile(&times, 50);
                bench
                    .handovers
                    .extend(median.map(|median| (ROW, contender.name(), median)));
                let share = largest_share(rounds).map(short).unwrap_or_default();
                format!("{}, largest share {share} %", shown(&times))
            }
            Err(reason) => reason.clone(),
        };
        if at >= 2 {
            bench.peer(ROW, contender.name(), did);
        }
    }
    Ok(())
}

/// What the luckiest task got of a round, in percent: in the middle of the rounds, so that one task's
/// luck is not made up for by another's in the next.
fn largest_share(rounds: &[Vec<usize>]) -> Option<f64> {
    let shares = rounds.iter().filter_map(|turns| {
        let (most, all) = (turns.iter().max()?, turns.iter().sum::<usize>());
        (all > 0).then(|| *most as f64 * 100.0 / all as f64)
    });
    percentile(&shares.collect::<Vec<_>>(), 50)
}
