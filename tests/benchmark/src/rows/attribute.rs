//! j: the attribute against the runtime called by hand.

use std::time::{Duration, Instant};

use lock_runtime::{LockClient, LockError, distributed_lock, encode};
use tokio::runtime::Builder;

use crate::bench::{Bench, Error};
use crate::heap;
use crate::spread::{Spread, percentile, short, time};
use crate::table::Bound;

const ROW: char = 'j';
const CALLS: u32 = 300;

/// What the attribute asks of the heap beyond the calls by hand: the request, so that generated code
/// moves a pointer, and the two futures of `run` that every caller's future would carry otherwise
/// (acquire and release). One less for the key, into which values are written without a detour.
const NAMED: f64 = 2.0;

#[distributed_lock(key = "order:<user_id>", ttl = 10, client = client)]
async fn annotated(client: &LockClient, user_id: u64) -> Result<u64, LockError> {
    Ok(user_id)
}

async fn by_hand(client: &LockClient, user_id: u64) -> Result<u64, LockError> {
    let request = client.lock(format!("order:{}", encode(user_id)));
    let request = request.name("by_hand").ttl(Duration::from_secs(10));
    let guard = request.acquire().await?;
    guard.release().await?;
    Ok(user_id)
}

/// Seconds and allocations of a call with the attribute and by hand, call by call in turns.
async fn measured(client: &LockClient) -> Result<[[f64; 2]; 2], LockError> {
    let mut sums = [[0.0; 2]; 2];
    for user_id in 0..u64::from(CALLS) {
        for half in 0..2 {
            let side = usize::from((user_id + half) % 2 == 1);
            let (allocated, began) = (heap::allocations(), Instant::now());
            if side == 0 {
                annotated(client, user_id).await?;
            } else {
                by_hand(client, user_id).await?;
            }
            sums[side][0] += began.elapsed().as_secs_f64();
            sums[side][1] += (heap::allocations() - allocated) as f64;
        }
    }
    Ok(sums.map(|side| side.map(|sum| sum / f64::from(CALLS))))
}

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(ROW, "the attribute");
    let rounds = bench.pick(30, 100);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (with, without) = runtime.block_on(async {
        let client = LockClient::connect(&bench.server.url()).await?;
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let [annotated, by_hand] = measured(&client).await?;
            with.push(annotated);
            without.push(by_hand);
        }
        Ok::<_, Error>((with, without))
    })?;
    let column = |figures: &[[f64; 2]], at: usize| -> Vec<f64> {
        figures.iter().map(|figures| figures[at]).collect()
    };
    let median = |figures: &[[f64; 2]], at| percentile(&column(figures, at), 50);
    bench.table.ratio(
        (ROW, "a call of the attribute, against the runtime by hand"),
        (
            median(&with, 0).map(time).unwrap_or_default(),
            median(&without, 0).map(time).unwrap_or_default(),
        ),
        Spread::of_ratios(&column(&with, 0), &column(&without, 0)),
        Some(Bound::AtMost(1.03)),
    );
    let extra = median(&with, 1).zip(median(&without, 1));
    bench.table.beside(
        (ROW, "allocations more than by hand, a call"),
        median(&without, 1).map(short).unwrap_or_default() + " by hand",
        extra.map(|(with, without)| with - without),
        "",
        Some(Bound::AtMost(NAMED)),
    );
    bench.table.note(
        ROW,
        "the attribute allocates its request, and the futures that acquire and release the lock; by hand the \
         encoded value of the key is one of its own.",
    );
    Ok(())
}
