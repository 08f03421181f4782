//! What befalls workers, server and network. A seed chooses what, when and for how long; whom it
//! meets depends on who is there, for half of the stops on who holds a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tests::Chance;
use tokio::sync::Mutex as Turn;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::clock::now;
use crate::crew::Crew;
use crate::lock_server::LockServer;
use crate::relay::{Relay, Way};
use crate::resource::Resource;

/// How often what was done.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    pub(crate) pauses: AtomicU64,
    pub(crate) kills: AtomicU64,
    pub(crate) restarts: AtomicU64,
    pub(crate) losses: AtomicU64,
    pub(crate) server_pauses: AtomicU64,
    pub(crate) cuts: AtomicU64,
    pub(crate) delays: AtomicU64,
    pub(crate) flushes: AtomicU64,
}

pub(crate) struct Nemesis {
    pub(crate) seed: u64,
    pub(crate) crew: Mutex<Crew>,
    pub(crate) server: Turn<LockServer>,
    pub(crate) relay: Arc<Relay>,
    pub(crate) resource: Arc<Resource>,
    pub(crate) deeds: Deeds,
}

fn count(deeds: &AtomicU64) {
    deeds.fetch_add(1, Ordering::Relaxed);
}

impl Nemesis {
    pub(crate) fn crew(&self) -> MutexGuard<'_, Crew> {
        self.crew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chance(&self, purpose: u64) -> Chance {
        Chance::stream(self.seed, purpose)
    }

    fn log(&self, what: impl std::fmt::Display) {
        self.resource.ledger().log.line("nemesis", what);
    }

    /// Rages for `time`; what is broken then stays so until [`Nemesis::calm`].
    pub(crate) async fn rage(self: &Arc<Self>, time: Duration) {
        let mut all = JoinSet::new();
        let (stops, kills, server, network, scripts) = (
            self.clone(),
            self.clone(),
            self.clone(),
            self.clone(),
            self.clone(),
        );
        all.spawn(async move { stops.stop_workers().await });
        all.spawn(async move { kills.kill_workers().await });
        all.spawn(async move { server.harm_server().await });
        all.spawn(async move { network.harm_network().await });
        all.spawn(async move { scripts.flush_scripts().await });
        let broken = tokio::time::timeout(time, all.join_next()).await;
        if let Ok(Some(Err(error))) = broken {
            std::panic::resume_unwind(error.into_panic());
        }
        all.shutdown().await;
    }

    /// Puts everything in order again.
    pub(crate) async fn calm(&self) {
        let workers = self.crew().all();
        for serial in workers {
            self.resume(serial);
        }
        for id in self.relay.open() {
            self.slow(id, Duration::ZERO);
        }
        let mut server = self.server.lock().await;
        server.resume();
        server.restart().await.expect("the lock server starts");
    }

    /// Some six a second.
    async fn stop_workers(self: Arc<Self>) {
        let mut chance = self.chance(2);
        let mut stopped = JoinSet::new();
        loop {
            sleep(chance.millis(40..=240)).await;
            let aimed = chance.percent(50);
            // More short ones than long ones.
            let length = Duration::from_millis(100 + chance.below(31) * chance.below(31));
            let victim = {
                let running = self.crew().running();
                let mut holders = self.resource.ledger().holders();
                holders.retain(|serial| running.contains(serial));
                // Both are drawn, whoever is there: what comes after must not depend on that.
                let (holder, anybody) = (chance.any_of(&holders), chance.any_of(&running));
                holder.filter(|_| aimed).or(anybody)
            };
            let Some(serial) = victim else { continue };
            let from = now();
            if !self.crew().stop(serial) {
                continue;
            }
            self.resource.ledger().stops.begin(serial, from);
            count(&self.deeds.pauses);
            self.log(format!("stops {serial} for {length:?}"));
            let nemesis = self.clone();
            stopped.spawn(async move {
                sleep(length).await;
                nemesis.resume(serial);
            });
            while stopped.try_join_next().is_some() {}
        }
    }

    fn resume(&self, serial: u64) {
        if self.crew().resume(serial) {
            self.resource.ledger().stops.end(serial, now());
            self.log(format!("resumes {serial}"));
        }
    }

    /// Some four in five seconds.
    async fn kill_workers(self: Arc<Self>) {
        let mut chance = self.chance(3);
        loop {
            sleep(chance.millis(400..=2_000)).await;
            let workers = self.crew().all();
            let Some(serial) = chance.any_of(&workers) else {
                continue;
            };
            self.log(format!("kills {serial}"));
            let replaced = self.crew().replace(serial, self.resource.deaths());
            replaced.expect("a worker is replaced");
            count(&self.deeds.kills);
        }
    }

    /// A stop or a restart every two seconds or so, first a restart.
    async fn harm_server(self: Arc<Self>) {
        let mut chance = self.chance(4);
        let mut first = true;
        loop {
            sleep(chance.millis(1_000..=2_600)).await;
            let restart = chance.percent(40) || std::mem::take(&mut first);
            let keep = chance.percent(50);
            let length = if restart {
                chance.millis(20..=400)
            } else {
                chance.millis(100..=1_000)
            };
            let mut server = self.server.lock().await;
            if !restart {
                self.log(format!("stops the server for {length:?}"));
                server.stop();
                sleep(length).await;
                server.resume();
                count(&self.deeds.server_pauses);
                continue;
            }
            {
                // The ledger learns of it before it can learn of anybody who profits.
                let mut ledger = self.resource.ledger();
                let loss = server.kill(keep).expect("the server is killed");
                if let Some(loss) = loss {
                    ledger.data_lost(loss.from, loss.to);
                    count(&self.deeds.losses);
                }
            }
            self.log(format!(
                "has killed the server, data kept: {keep}, down for {length:?}"
            ));
            sleep(length).await;
            server.restart().await.expect("the lock server starts");
            self.log("has started the server");
            count(&self.deeds.restarts);
        }
    }

    async fn harm_network(self: Arc<Self>) {
        let mut chance = self.chance(5);
        loop {
            sleep(chance.millis(100..=700)).await;
            let (cut, all) = (chance.percent(30), chance.percent(10));
            let (late, length) = (chance.millis(5..=350), chance.millis(100..=900));
            let open = self.relay.open();
            let met: Vec<u64> = if all {
                open
            } else {
                chance.any_of(&open).into_iter().collect()
            };
            if cut {
                for id in met {
                    self.relay.cut(id);
                    count(&self.deeds.cuts);
                }
                continue;
            }
            let way = if chance.percent(50) {
                Way::ToServer
            } else {
                Way::ToWorker
            };
            for id in &met {
                self.relay.delay(*id, way, late);
                count(&self.deeds.delays);
            }
            sleep(length).await;
            for id in met {
                self.slow(id, Duration::ZERO);
            }
        }
    }

    fn slow(&self, id: u64, delay: Duration) {
        self.relay.delay(id, Way::ToServer, delay);
        self.relay.delay(id, Way::ToWorker, delay);
    }

    async fn flush_scripts(self: Arc<Self>) {
        let mut chance = self.chance(6);
        loop {
            sleep(chance.millis(500..=1_500)).await;
            let server = self.server.lock().await;
            let flushed = server
                .ask::<String>(redis::cmd("SCRIPT").arg("FLUSH"))
                .await;
            if flushed.is_ok() {
                count(&self.deeds.flushes);
            }
        }
    }
}
