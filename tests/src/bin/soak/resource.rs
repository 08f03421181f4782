//! The counters' door: one connection a worker.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tests::Chance;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex as Turn, watch};
use tokio::task::JoinSet;

use crate::clock::now;
use crate::crew::Deaths;
use crate::ledger::Ledger;
use crate::protocol::{Reply, Told};

/// How many writes of a hundred are under way for long.
const SLOW_WRITES: u64 = 3;

pub(crate) struct Resource {
    ledger: Mutex<Ledger>,
    chance: Mutex<Chance>,
    deaths: Deaths,
    finish: watch::Sender<bool>,
    /// Connections of workers that are open.
    open: watch::Sender<usize>,
}

impl Resource {
    pub(crate) fn new(ledger: Ledger, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            ledger: Mutex::new(ledger),
            chance: Mutex::new(Chance::stream(seed, 1)),
            deaths: Deaths::default(),
            finish: watch::Sender::new(false),
            open: watch::Sender::new(0),
        })
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn deaths(&self) -> &Deaths {
        &self.deaths
    }

    /// Tells all workers to begin nothing any more.
    pub(crate) fn finish(&self) {
        self.finish.send_replace(true);
    }

    /// Waits until every worker has closed its connection, and every write that it had sent has
    /// arrived.
    pub(crate) async fn empty(&self) {
        // The sender lives in this value.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    /// Listens at `socket` as long as the process lives.
    pub(crate) fn serve(self: &Arc<Self>, socket: &Path) -> std::io::Result<()> {
        let listener = UnixListener::bind(socket)?;
        let resource = self.clone();
        tokio::spawn(async move {
            while let Ok((worker, _)) = listener.accept().await {
                let resource = resource.clone();
                resource.open.send_modify(|open| *open += 1);
                tokio::spawn(async move {
                    resource.attend(worker).await;
                    resource.open.send_modify(|open| *open -= 1);
                });
            }
        });
        Ok(())
    }

    async fn attend(self: &Arc<Self>, worker: UnixStream) {
        let (lines, out) = worker.into_split();
        let mut lines = BufReader::new(lines).lines();
        let out = Arc::new(Turn::new(out));
        let mut finish = self.finish.subscribe();
        let told_last = out.clone();
        let finishing = tokio::spawn(async move {
            let over = finish.wait_for(|finish| *finish).await.is_ok();
            if over {
                send(&told_last, Reply::Finish).await;
            }
        });
        let mut writes = JoinSet::new();
        let mut serial = 0;
        // Killed in the middle of a line, a worker has not said it.
        while let Ok(Some(line)) = lines.next_line().await {
            let Some(told) = Told::parse(&line) else {
                self.ledger()
                    .log
                    .line(serial, format!("unreadable: {line}"));
                continue;
            };
            if let Told::Hello { serial: own } = told {
                serial = own;
            }
            {
                let mut ledger = self.ledger();
                ledger.log.line(serial, &line);
                ledger.note(serial, told);
            }
            match told {
                Told::Read { call, fence } => {
                    let answer = self.ledger().read(serial, call, fence);
                    let value = answer.map(|value| Reply::Value { call, value });
                    send(&out, value.unwrap_or(Reply::Stale { call })).await;
                }
                Told::Write { call, value, fence } => {
                    let resource = self.clone();
                    let out = out.clone();
                    let on_the_way = self.on_the_way();
                    let write = async move {
                        if let Some(delay) = on_the_way {
                            tokio::time::sleep(delay).await;
                        }
                        let answer = {
                            let mut ledger = resource.ledger();
                            let answer = ledger.write(serial, call, fence, value);
                            let word = if answer.is_ok() {
                                "accepted"
                            } else {
                                "refused"
                            };
                            ledger.log.line(serial, format!("{word} {call} {value}"));
                            answer
                        };
                        let value = answer.map(|value| Reply::Value { call, value });
                        send(&out, value.unwrap_or(Reply::Stale { call })).await;
                    };
                    if on_the_way.is_some() {
                        writes.spawn(write);
                    } else {
                        write.await;
                    }
                }
                _ => {}
            }
        }
        finishing.abort();
        // A request that was sent arrives, whatever became of its sender.
        while writes.join_next().await.is_some() {}
        let died = self.deaths.of(serial).unwrap_or_else(now);
        self.ledger().gone(serial, died);
    }

    /// How long a write is under way, if it is for longer than usual.
    fn on_the_way(&self) -> Option<std::time::Duration> {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let slow = chance.percent(SLOW_WRITES);
        slow.then(|| chance.millis(30..=400))
    }
}

async fn send(out: &Turn<OwnedWriteHalf>, reply: Reply) {
    let line = format!("{reply}\n");
    // A worker that is gone needs no reply.
    let _ = out.lock().await.write_all(line.as_bytes()).await;
}
