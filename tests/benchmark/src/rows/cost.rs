//! k: what an uncontended call costs this process in CPU time and allocations.

use std::time::Duration;

use lock_runtime::LockClient;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

use crate::bench::{Bench, Error};
use crate::careful::Careful;
use crate::floor::Floor;
use crate::heap;
use crate::spread::{Spread, percentile, short, time};
use crate::table::Bound;

const ROW: char = 'k';
const CALLS: u32 = 1_000;

/// CPU seconds of all threads of this process; the server is another.
pub(crate) fn cpu_time() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

const SIDES: usize = 3;

/// CPU seconds and allocations of a call of ours, of the floor and with our commands by hand, call by call in turns.
async fn measured(
    client: &LockClient,
    floor: &Floor,
    careful: &Careful,
) -> Result<[[f64; 2]; SIDES], Error> {
    let mut sums = [[0.0; 2]; SIDES];
    for call in 0..CALLS as usize {
        for turn in 0..SIDES {
            let side = (call + turn) % SIDES;
            let (allocated, began) = (heap::allocations(), cpu_time());
            match side {
                0 => {
                    let request = client.lock("cost").ttl(Duration::from_secs(10));
                    request.acquire().await?.release().await?;
                }
                1 => {
                    let token = floor.lock("cost").await?;
                    floor.unlock("cost", &token).await?;
                }
                _ => {
                    careful.held("cost", Duration::ZERO).await?;
                }
            }
            sums[side][0] += cpu_time() - began;
            sums[side][1] += (heap::allocations() - allocated) as f64;
        }
    }
    Ok(sums.map(|side| side.map(|sum| sum / f64::from(CALLS))))
}

/// What each costs in each round.
type Sides = [Vec<[f64; 2]>; SIDES];

fn measure(bench: &Bench, runtime: &Runtime) -> Result<Sides, Error> {
    let rounds = bench.pick(15, 60);
    let url = bench.server.url();
    let measuring = async move {
        let client = LockClient::connect(&url).await?;
        let floor = Floor::connect(&url).await?;
        let careful = Careful::connect(&url).await?;
        let mut sides: Sides = Default::default();
        for _ in 0..rounds {
            let round = measured(&client, &floor, &careful).await?;
            for (side, figures) in sides.iter_mut().zip(round) {
                side.push(figures);
            }
        }
        Ok::<_, Error>(sides)
    };
    runtime.block_on(measuring)
}

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(ROW, "CPU time and allocations of a call");
    let alone = Builder::new_current_thread().enable_all().build()?;
    let sides = measure(bench, &alone)?;
    drop(alone);
    show(
        bench,
        "CPU time of a call, one thread",
        &sides,
        Some(Bound::AtMost(1.15)),
    );
    let of = |side: usize| {
        let figures: Vec<f64> = sides[side].iter().map(|figures| figures[1]).collect();
        percentile(&figures, 50)
    };
    let beside = of(1).map(short).unwrap_or_default();
    bench
        .table
        .beside((ROW, "allocations a call"), beside, of(0), "", None);
    let sides = measure(bench, &Bench::runtime()?)?;
    bench.table.note(
        ROW,
        "beyond the two commands a call labels its token, bounds each command and the whole of them in time, \
         reserves its release before it asks, and takes note of the lock for those of its process who wait.",
    );
    show(
        bench,
        "CPU time of a call, as many threads as cores",
        &sides,
        Some(Bound::AtMost(1.15)),
    );
    Ok(())
}

fn show(bench: &mut Bench, figure: &str, sides: &Sides, bound: Option<Bound>) {
    let [ours, floor, careful] = sides
        .each_ref()
        .map(|side| -> Vec<f64> { side.iter().map(|figures| figures[0]).collect() });
    let shown = |figures: &[f64]| percentile(figures, 50).map(time).unwrap_or_default();
    let against = format!("{figure}, against by hand, with our commands");
    for (figure, other, bound) in [(figure, &floor, bound), (&against, &careful, None)] {
        bench.table.ratio(
            (ROW, figure),
            (shown(&ours), shown(other)),
            Spread::of_ratios(&ours, other),
            bound,
        );
    }
}
