//! Many deposits at a time, by processes that are stopped at random.

use std::ops::Range;
use std::time::Duration;

use examples::Result;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::account::Check;
use crate::figures::Figures;
use crate::message::Message;
use crate::teller::TTL;
use crate::worker::{Bank, Worker};

pub(crate) const PROCESSES: usize = 4;
pub(crate) const TASKS: usize = 2;
pub(crate) const LASTING: Duration = Duration::from_secs(3);

/// One write in so many is stopped.
const ODDS: u32 = 6;
/// How long from one stop at any moment to the next of the same process, in milliseconds.
const EVERY: Range<u64> = 300..1_500;

pub(crate) async fn play(bank: &Bank, check: Check) -> Result<Figures> {
    let mut watched = JoinSet::new();
    for _ in 0..PROCESSES {
        watched.spawn(watch(Worker::start(bank, check, TASKS, LASTING)?));
    }
    let mut figures = Figures::default();
    while let Some(ended) = watched.join_next().await {
        figures.add(&ended??);
    }
    Ok(figures)
}

/// Stops one process now and then: right before a write, and wherever it happens to be.
async fn watch(mut worker: Worker) -> Result<Figures> {
    let mut figures = Figures::default();
    let mut next = Instant::now() + soon();
    loop {
        let message = tokio::select! {
            message = worker.next() => message?,
            () = sleep_until(next) => {
                pause(&worker, &mut figures).await?;
                next = Instant::now() + soon();
                continue;
            }
        };
        match message {
            Some(Message::Wrote(answer)) => figures.count(answer),
            Some(Message::Writes { .. }) if fastrand::u32(..ODDS) == 0 => {
                worker.stop()?;
                // It finds the answer when it is continued.
                worker.go().await?;
                pause(&worker, &mut figures).await?;
            }
            Some(Message::Writes { .. }) => worker.go().await?,
            None => break,
        }
    }
    worker.ended().await?;
    Ok(figures)
}

async fn pause(worker: &Worker, figures: &mut Figures) -> Result<()> {
    worker.stop()?;
    figures.stops += 1;
    sleep(TTL.mul_f64(1.1 + 1.1 * fastrand::f64())).await;
    worker.resume()
}

fn soon() -> Duration {
    Duration::from_millis(fastrand::u64(EVERY))
}
