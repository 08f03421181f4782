//! The process that starts all others, keeps the counters and judges.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Mutex as Turn;
use tokio::time::{Instant, sleep, timeout};

use crate::arguments::Arguments;
use crate::changes::Changes;
use crate::clock::now;
use crate::crew::{Crew, Station};
use crate::guardian::Guardian;
use crate::ledger::Ledger;
use crate::lock_server::LockServer;
use crate::log::Log;
use crate::nemesis::{Deeds, Nemesis};
use crate::orphans::{GRACE, Orphans};
use crate::relay::Relay;
use crate::report::Report;
use crate::resource::Resource;

const WORKERS: usize = 8;
const PROGRESS: Duration = Duration::from_secs(5);
/// Between two looks at the locks that there are.
const LOOK: Duration = Duration::from_millis(200);
/// For calls under way and `shutdown`, when all faults are over.
const TO_END: Duration = Duration::from_secs(15);

pub(crate) async fn soak(arguments: &Arguments) -> io::Result<Report> {
    let started = Instant::now();
    // Dropped last: until then it watches over everybody.
    let guardian = Guardian::start()?;
    let server = LockServer::start(guardian.folder(), guardian.group()).await?;
    let relay = Relay::start(server.port()).await?;
    let changes = Arc::new(Changes::default());
    let counting = tokio::spawn(changes.clone().count(server.port()));
    let log = Log::open(arguments.log.as_deref())?;
    let resource = Resource::new(Ledger::new(arguments.mode, log), arguments.seed);
    let socket = guardian.folder().join("counters");
    resource.serve(&socket)?;
    let station = Station {
        seed: arguments.seed,
        mode: arguments.mode,
        socket,
        url: relay.url(),
        group: guardian.group(),
    };
    let nemesis = Arc::new(Nemesis {
        seed: arguments.seed,
        crew: Mutex::new(Crew::start(station, WORKERS)?),
        server: Turn::new(server),
        relay,
        resource: resource.clone(),
        deeds: Deeds::default(),
    });
    let mut orphans = Orphans::default();
    tokio::select! {
        () = nemesis.rage(arguments.seconds) => {}
        () = progress(&nemesis, arguments.seconds) => {}
        () = look(&nemesis, &mut orphans) => {}
    }
    nemesis.calm().await;
    resource.finish();
    tokio::select! {
        ended = end_workers(&nemesis) => ended?,
        () = look(&nemesis, &mut orphans) => {}
    }
    counting.abort();
    // Whatever was taken as the last worker ended is over then.
    sleep(GRACE).await;
    let left = nemesis.server.lock().await.locks().await;
    orphans.left(&left.map_err(io::Error::other)?);
    let ledger = resource.ledger();
    let (mode, seed) = (arguments.mode, arguments.seed);
    let time = started.elapsed();
    Ok(Report::new(
        mode,
        seed,
        time,
        &ledger,
        &nemesis.deeds,
        &orphans,
        &changes,
    ))
}

async fn end_workers(nemesis: &Nemesis) -> io::Result<()> {
    let ended = timeout(TO_END, async {
        while !nemesis.crew().have_ended() {
            sleep(Duration::from_millis(20)).await;
        }
    });
    if ended.await.is_err() {
        let left = nemesis.crew().dismiss(nemesis.resource.deaths())?;
        let mut ledger = nemesis.resource.ledger();
        for serial in left {
            ledger.stuck += 1;
            let told = format!("worker {serial} did not end within {TO_END:?}");
            ledger.violations.push(told);
        }
    }
    nemesis.resource.empty().await;
    Ok(())
}

/// Until it is dropped.
async fn look(nemesis: &Nemesis, orphans: &mut Orphans) {
    loop {
        sleep(LOOK).await;
        let server = nemesis.server.lock().await;
        let at = now();
        // Without an answer the next look is as good.
        if let Ok(locks) = server.locks().await {
            let busy = nemesis.resource.ledger().busy();
            orphans.look(at, &locks, &busy);
        }
    }
}

/// Until it is dropped.
async fn progress(nemesis: &Nemesis, total: Duration) {
    let started = Instant::now();
    let mut before = 0;
    loop {
        sleep(PROGRESS).await;
        let deeds = &nemesis.deeds;
        let ledger = nemesis.resource.ledger();
        let overlaps = ledger.overlaps();
        let after_loss = overlaps.iter().filter(|one| one.after_loss).count();
        eprintln!(
            "{:>4} of {} s: {} sections ({} a second), {} pauses, {} kills, {} restarts; lost {}, \
             overlaps {} and {after_loss} after data loss, late polls {}, stuck {}",
            started.elapsed().as_secs(),
            total.as_secs(),
            ledger.sections,
            (ledger.sections - before) / PROGRESS.as_secs(),
            deeds.pauses.load(Ordering::Relaxed),
            deeds.kills.load(Ordering::Relaxed),
            deeds.restarts.load(Ordering::Relaxed),
            ledger.lost(),
            overlaps.len() - after_loss,
            ledger.late_polls,
            ledger.stuck,
        );
        before = ledger.sections;
    }
}
