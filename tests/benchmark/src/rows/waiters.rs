//! i: a thousand waiters while nothing changes.

use std::time::Duration;

use lock_runtime::LockClient;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::bench::{Bench, Error};
use crate::contender::WAIT;
use crate::monitor::Monitor;
use crate::table::Bound;

const ROW: char = 'i';
const WAITERS: usize = 1_000;
const KEYS: usize = 100;

/// Until everybody waits.
const SETTLED: Duration = Duration::from_secs(2);

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(ROW, "1,000 waiters on 100 keys");
    let length = Duration::from_secs(bench.pick(5, 8));
    let commands = Bench::runtime()?.block_on(async {
        let url = bench.server.url();
        let holder = LockClient::connect(&url).await?;
        let client = LockClient::connect(&url).await?;
        let mut held = Vec::new();
        for key in 0..KEYS {
            held.push(
                holder
                    .lock(format!("held:{key}"))
                    .ttl(WAIT)
                    .acquire()
                    .await?,
            );
        }
        let mut waiters = JoinSet::new();
        for waiter in 0..WAITERS {
            let request = client.lock(format!("held:{}", waiter % KEYS));
            waiters.spawn(request.ttl(WAIT).wait(WAIT).acquire());
        }
        sleep(SETTLED).await;
        let monitor = Monitor::start(&bench.server)?;
        sleep(length).await;
        let counted = monitor.stop()?;
        if waiters.try_join_next().is_some() {
            return Err("a waiter ended while its lock was held".into());
        }
        waiters.shutdown().await;
        drop(held);
        let _ = holder.shutdown(WAIT).await;
        let _ = client.shutdown(WAIT).await;
        Ok::<_, Error>(counted.values().sum::<u64>())
    })?;
    let each = commands as f64 / (length.as_secs_f64() * KEYS as f64);
    let figure = (ROW, "commands a key and second while nothing changes");
    bench
        .table
        .figure(figure, Some(each), "", Some(Bound::AtMost(1.0)));
    Ok(())
}
