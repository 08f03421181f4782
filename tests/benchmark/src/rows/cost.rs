//! k: what an uncontended call costs this process in CPU time and allocations.

use std::time::Duration;

use lock_runtime::LockClient;
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

use crate::bench::{Bench, Error};
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

/// CPU seconds and allocations of a call of ours and of the floor, call by call in turns.
async fn measured(client: &LockClient, floor: &Floor) -> Result<[[f64; 2]; 2], Error> {
    let mut sums = [[0.0; 2]; 2];
    for call in 0..CALLS {
        for half in 0..2 {
            let side = usize::from((call + half) % 2 == 1);
            let (allocated, began) = (heap::allocations(), cpu_time());
            if side == 0 {
                let request = client.lock("cost").ttl(Duration::from_secs(10));
                request.acquire().await?.release().await?;
            } else {
                let token = floor.lock("cost").await?;
                floor.unlock("cost", &token).await?;
            }
            sums[side][0] += cpu_time() - began;
            sums[side][1] += (heap::allocations() - allocated) as f64;
        }
    }
    Ok(sums.map(|side| side.map(|sum| sum / f64::from(CALLS))))
}

/// What ours and the floor cost in each round.
type Sides = [Vec<[f64; 2]>; 2];

fn measure(bench: &Bench, runtime: &Runtime) -> Result<Sides, Error> {
    let rounds = bench.pick(15, 60);
    let url = bench.server.url();
    let measuring = async move {
        let client = LockClient::connect(&url).await?;
        let floor = Floor::connect(&url).await?;
        let mut sides: Sides = Default::default();
        for _ in 0..rounds {
            let [ours, theirs] = measured(&client, &floor).await?;
            sides[0].push(ours);
            sides[1].push(theirs);
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
    let [ours, floor] = sides;
    let [ours, floor] =
        [ours, floor].map(|side| -> Vec<f64> { side.iter().map(|figures| figures[0]).collect() });
    let shown = |figures: &[f64]| percentile(figures, 50).map(time).unwrap_or_default();
    bench.table.ratio(
        (ROW, figure),
        (shown(&ours), shown(&floor)),
        Spread::of_ratios(&ours, &floor),
        bound,
    );
}
