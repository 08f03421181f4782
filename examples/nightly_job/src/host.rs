//! One of the hosts: a scheduler, and an end in good order.

use std::time::Duration;

use examples::{Result, interrupted};
use lock_runtime::{LockClient, LockError};
use tokio::io::AsyncReadExt;
use tokio_cron_scheduler::{Job, JobScheduler};

use crate::job::{SCHEDULE, report, tick};
use crate::message::Message;

/// Longer than the job.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn run(url: &str) -> Result<()> {
    let client = LockClient::connect(url).await?;
    client.install()?;
    let mut scheduler = JobScheduler::new().await?;
    scheduler
        .add(Job::new_async(SCHEDULE, |_, _| Box::pin(fire()))?)
        .await?;
    scheduler.start().await?;
    Message::Ready.tell();
    tokio::select! {
        // SIGTERM.
        _ = interrupted() => {}
        () = abandoned() => {}
    }
    scheduler.shutdown().await?;
    // The job that runs is let finish; a key that its `min_hold` keeps is not waited for.
    let rest = client.shutdown(PATIENCE).await;
    if rest.is_empty() {
        Ok(())
    } else {
        Err(format!("left to their ttl: {rest:?}").into())
    }
}

async fn fire() {
    let tick = tick();
    Message::Fires(tick).tell();
    match report(tick).await {
        // It ran, or another host runs it; or this one is about to end.
        Ok(_) | Err(LockError::ShutDown { .. }) => {}
        Err(error) => Message::Failed(tick, error.to_string()).tell(),
    }
}

/// Whoever started it has ended.
async fn abandoned() {
    let mut rest = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut rest).await;
}
