//! h: the holder is killed; how long after its keys have expired somebody else holds the lock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lock_runtime::{LockClient, LockError};
use tokio::task::JoinSet;

use crate::bench::{Bench, Error};
use crate::contender::{TTL, WAIT};
use crate::processes::child::Child;
use crate::spread::percentile;
use crate::table::Bound;

const ROW: char = 'h';

pub(crate) fn run(bench: &mut Bench) -> Result<(), Error> {
    Bench::tell(ROW, "a holder is killed");
    let keys = bench.pick(150, 500);
    let url = bench.server.url();
    let mut child = Child::start("holder", &[url.clone(), keys.to_string()])?;
    child.line()?;
    let runtime = Bench::runtime()?;
    let late = runtime.block_on(async {
        let client = LockClient::connect(&url).await?;
        let mut connection = bench.server.raw().await;
        let mut waiters = JoinSet::new();
        for key in 0..keys {
            let mut ask = redis::cmd("PEXPIRETIME");
            let ask = ask.arg(format!("lock:{}", crate::processes::holder::key(key)));
            let expires: i64 = ask.query_async(&mut connection).await?;
            if expires < 0 {
                return Err("a key expired before its holder was killed".into());
            }
            let expires = Duration::from_millis(expires.unsigned_abs());
            let request = client.lock(crate::processes::holder::key(key));
            let request = request.ttl(TTL).wait(WAIT);
            waiters.spawn(async move {
                let guard = request.acquire().await?;
                let taken = SystemTime::now().duration_since(UNIX_EPOCH);
                guard.release().await?;
                // The server's clock tells milliseconds.
                let late = taken.unwrap_or_default().saturating_sub(expires);
                Ok::<_, LockError>(late.as_secs_f64() * 1e3)
            });
        }
        child.kill();
        let mut late = Vec::new();
        while let Some(waited) = waiters.join_next().await {
            late.push(waited??);
        }
        Ok::<_, Error>(late)
    })?;
    for (figure, percent, most) in [
        ("taken after its expiry, p50", 50, 5.0),
        ("taken after its expiry, p99", 99, 60.0),
    ] {
        let bound = Some(Bound::AtMost(most));
        bench
            .table
            .figure((ROW, figure), percentile(&late, percent), " ms", bound);
    }
    Ok(())
}
