//! c: many tasks, a key each.

use std::time::Duration;

use crate::bench::{Bench, Error};
use crate::round::{alternate, greedy};
use crate::spread::{Spread, percentile, short};
use crate::table::Bound;

const ROW: char = 'c';
const TASKS: usize = 64;
const SLICE: Duration = Duration::from_millis(300);

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(ROW, "64 tasks, distinct keys");
    let rounds = bench.pick(15, 50);
    let (native, figures) = Bench::runtime()?.block_on(async {
        let contenders = bench.two(Duration::ZERO).await?;
        let figures = alternate(&contenders, rounds, async |contender| {
            let turns = greedy(contender, TASKS, SLICE, |task| format!("own:{task}")).await?;
            Ok(turns.iter().sum::<usize>() as f64 / SLICE.as_secs_f64())
        });
        Ok::<_, Error>((native(bench).await?, figures.await))
    })?;
    let (ours, floor) = (figures[0].clone()?, figures[1].clone()?);
    let shown = |figures: &[f64]| {
        let median = percentile(figures, 50).map(short).unwrap_or_default();
        format!("{median}/s")
    };
    let (figure, least) = match native {
        None => ("throughput of 64 tasks, against the floor".to_owned(), 0.95),
        Some(command) => (
            format!("throughput of 64 tasks with {command}, against the floor's script"),
            1.25,
        ),
    };
    bench.table.ratio(
        (ROW, &figure),
        (shown(&ours), shown(&floor)),
        Spread::of_ratios(&ours, &floor),
        Some(Bound::AtLeast(least)),
    );
    Ok(())
}

/// The server's own command that compares and deletes.
async fn native(bench: &Bench) -> Result<Option<&'static str>, Error> {
    let mut connection = bench.server.raw().await;
    for name in ["DELEX", "DELIFEQ"] {
        let mut ask = redis::cmd("COMMAND");
        let told: Vec<redis::Value> = ask
            .arg("INFO")
            .arg(name)
            .query_async(&mut connection)
            .await?;
        if !matches!(told.first(), None | Some(redis::Value::Nil)) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}
