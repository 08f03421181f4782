//! What happens to the hosts while their schedule runs.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use examples::Result;
use redis::aio::MultiplexedConnection;
use redis::cmd;
use tokio::time::{sleep, timeout};

use crate::crew::Crew;
use crate::job::{MIN_HOLD, TICK, tick};
use crate::ledger::Ledger;
use crate::message::Message;

pub(crate) const HOSTS: usize = 3;

/// Nothing is silent for so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is left after the end.
pub(crate) struct Remains {
    /// Processes that ended in good order.
    pub(crate) ended: usize,
    pub(crate) keys: usize,
    /// How long it took until none was there.
    pub(crate) gone: Duration,
}

async fn next(crew: &mut Crew) -> Result<(usize, Message)> {
    timeout(PATIENCE, crew.next()).await?
}

/// Starts them, and waits until their schedulers run.
pub(crate) async fn gather(crew: &mut Crew) -> Result<()> {
    for _ in 0..HOSTS {
        crew.start()?;
    }
    let mut ready = 0;
    while ready < HOSTS {
        ready += usize::from(next(crew).await?.1 == Message::Ready);
    }
    Ok(())
}

/// Lets them run for so many ticks, and kills the one that runs the job in the middle of some.
pub(crate) async fn play(
    crew: &mut Crew,
    ticks: u64,
    kill_every: Option<NonZeroU64>,
) -> Result<Ledger> {
    // The one that has begun does not count, and the last is over when the one behind it begins.
    let first = tick() + 1;
    let mut ledger = Ledger::of(first..first + ticks);
    loop {
        let (host, said) = next(crew).await?;
        ledger.note(&said);
        let (Message::Begins(now) | Message::Fires(now)) = said else {
            continue;
        };
        if now >= first + ticks {
            return Ok(ledger);
        }
        let begins = matches!(said, Message::Begins(_)) && now >= first;
        if begins && kill_every.is_some_and(|every| (now - first + 1) % every == 0) {
            crew.kill(host).await?;
            ledger.kills += 1;
            // As whatever looks after processes does.
            crew.start()?;
        }
    }
}

/// Tells all of them to end while one runs the job.
pub(crate) async fn end(crew: &mut Crew, url: &str) -> Result<Remains> {
    let running = loop {
        if let (_, Message::Begins(tick)) = next(crew).await? {
            break tick;
        }
    };
    let statuses = crew.end().await?;
    let ended = statuses.iter().filter(|status| status.success()).count();
    let began = Instant::now();
    let server = redis::Client::open(url)?;
    let mut server = server.get_multiplexed_async_connection().await?;
    let keys = keys(&mut server).await?;
    while !self::keys(&mut server).await?.is_empty() {
        if began.elapsed() > MIN_HOLD + TICK {
            return Err(format!("{keys:?} does not expire").into());
        }
        sleep(Duration::from_millis(5)).await;
    }
    // What was said before the end.
    while let Ok(said) = timeout(Duration::from_millis(200), crew.next()).await {
        if said?.1 == Message::Done(running) {
            return Ok(Remains {
                ended,
                keys: keys.len(),
                gone: began.elapsed(),
            });
        }
    }
    Err("a run was cut off by SIGTERM".into())
}

async fn keys(server: &mut MultiplexedConnection) -> Result<Vec<String>> {
    Ok(cmd("KEYS").arg("*").query_async(server).await?)
}
