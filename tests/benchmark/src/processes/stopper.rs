//! Tasks as those of a taker, in a process that stops itself while all of them wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lock_runtime::{LockClient, LockError};
use rustix::process::{Signal, getpid, kill_process};
use tests::clock;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::taker::{KEY, times};
use super::word;
use crate::bench::Error;
use crate::contender::{TTL, WAIT};

/// After so long it stops itself; one of its tasks has had its first turn by then.
pub(super) const STOPS: Duration = Duration::from_millis(700);

pub(super) async fn run(words: &[String]) -> Result<(), Error> {
    let client = LockClient::connect(&words[1]).await?;
    let [section, begin, end] = times(words)?;
    sleep(begin.saturating_sub(clock())).await;
    // Turns under way, from the answer that gives the lock to the one that takes it.
    let holding = Arc::new(AtomicUsize::new(0));
    let stop = holding.clone();
    std::thread::spawn(move || {
        std::thread::sleep((begin + STOPS).saturating_sub(clock()));
        while stop.load(Ordering::SeqCst) > 0 {
            std::hint::spin_loop();
        }
        let _ = kill_process(getpid(), Signal::STOP);
    });
    let mut all: JoinSet<Result<(), LockError>> = JoinSet::new();
    for _ in 0..word::<usize>(words, 2)? {
        let (client, holding) = (client.clone(), holding.clone());
        all.spawn(async move {
            while clock() < end {
                let guard = client.lock(KEY).ttl(TTL).wait(WAIT).acquire().await?;
                holding.fetch_add(1, Ordering::SeqCst);
                sleep(section).await;
                let released = guard.release().await;
                holding.fetch_sub(1, Ordering::SeqCst);
                released?;
            }
            Ok(())
        });
    }
    while let Some(ended) = all.join_next().await {
        ended??;
    }
    Ok(())
}
