//! Uses each of many keys once, and tells how many bytes live before and after.

use std::time::Duration;

use lock_runtime::{LockClient, LockError};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::bench::Error;
use crate::heap;

const KEYS: u32 = 100_000;

/// Before the start as many again and again, until what lives stays the same: buffers have the size that
/// they keep then, whatever their size depends on. With something kept for each key it never would.
const WARM_UPS: u32 = 8;

/// Until what calls have left behind is done.
const SETTLED: Duration = Duration::from_secs(1);

pub(super) async fn run(words: &[String]) -> Result<(), Error> {
    let client = LockClient::connect(&words[0]).await?;
    let mut start = 0;
    for number in 0..WARM_UPS {
        let live = live_after(&client, &format!("warm-up {number}")).await?;
        if live == std::mem::replace(&mut start, live) {
            break;
        }
    }
    println!("{start}");
    println!("{}", live_after(&client, "once").await?);
    Ok(())
}

async fn live_after(client: &LockClient, name: &str) -> Result<usize, Error> {
    use_once(client, name, KEYS).await?;
    sleep(SETTLED).await;
    Ok(heap::live())
}

async fn use_once(client: &LockClient, name: &str, keys: u32) -> Result<(), Error> {
    let mut calls: JoinSet<Result<(), LockError>> = JoinSet::new();
    for number in 0..keys {
        let request = client.lock(format!("{name}:{number}"));
        let request = request
            .ttl(Duration::from_secs(10))
            .wait(Duration::from_secs(1));
        calls.spawn(async move {
            request.acquire().await?.release().await?;
            Ok(())
        });
        if calls.len() >= 64
            && let Some(ended) = calls.join_next().await
        {
            ended??;
        }
    }
    while let Some(ended) = calls.join_next().await {
        ended??;
    }
    Ok(())
}
