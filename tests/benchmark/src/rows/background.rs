//! b: one task, nobody else, as the caller of an attribute with background release sees it.

use std::sync::Arc;
use std::time::Duration;

use lock_runtime::{LockClient, LockError, distributed_lock};

use crate::bench::{Bench, Error};
use crate::contender::{Call, Contender, Held, Shared, section};
use crate::floor::Floor;
use crate::round::{alone, alternate};
use crate::rows::uncontended::{CALLS, SLICE};
use crate::spread::{Spread, percentile, time};
use crate::table::Bound;

const ROW: char = 'b';

struct Background(LockClient);

#[distributed_lock(key = "<key>", ttl = 10, release = "background", client = client)]
async fn annotated(client: &LockClient, key: &str, length: Duration) -> Result<Held, LockError> {
    Ok(section(length).await)
}

impl Contender for Background {
    fn name(&self) -> &'static str {
        "lock-runtime, released in the background"
    }

    fn call<'a>(&'a self, key: &'a str, length: Duration) -> Call<'a> {
        Box::pin(async move {
            let held = annotated(&self.0, key, length).await;
            held.map_err(|error| error.to_string())
        })
    }
}

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(ROW, "one task, uncontended, released in the background");
    let rounds = bench.pick(15, 60);
    let figures = Bench::runtime()?.block_on(async {
        let url = bench.server.url();
        let contenders: [Shared; 2] = [
            Arc::new(Background(LockClient::connect(&url).await?)),
            Arc::new(Floor::connect(&url).await?),
        ];
        let figures = alternate(&contenders, rounds, async |contender| {
            let took = alone(contender, SLICE, CALLS).await?;
            percentile(&took, 50).ok_or_else(|| "no call in a whole slice".to_owned())
        });
        Ok::<_, Error>(figures.await)
    })?;
    let (ours, floor) = (figures[0].clone()?, figures[1].clone()?);
    let shown = |figures: &[f64]| percentile(figures, 50).map(time).unwrap_or_default();
    bench.table.ratio(
        (
            ROW,
            "the same with background release, p50, against the floor",
        ),
        (shown(&ours), shown(&floor)),
        Spread::of_ratios(&ours, &floor),
        Some(Bound::AtMost(0.60)),
    );
    Ok(())
}
