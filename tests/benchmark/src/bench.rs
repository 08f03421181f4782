//! What every row works with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tests::Server;
use tokio::runtime::{Builder, Runtime};

use crate::contender::Shared;
use crate::floor::Floor;
use crate::ours::Ours;
use crate::peers;
use crate::table::Table;

/// A failure of the benchmark itself.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// A run: its server, and what it has measured so far.
pub(crate) struct Bench {
    pub(crate) server: Server,
    pub(crate) quick: bool,
    pub(crate) table: Table,
    /// For each peer, what it did in a row, or why it could not.
    pub(crate) peers: BTreeMap<&'static str, BTreeMap<char, String>>,
    /// Seconds from one holder to the next on one key, by contender, as the rows measured them.
    pub(crate) handovers: Vec<(char, &'static str, f64)>,
}

impl Bench {
    pub(crate) fn new(quick: bool) -> Self {
        Self {
            server: Server::start(&[]),
            quick,
            table: Table::default(),
            peers: BTreeMap::new(),
            handovers: Vec::new(),
        }
    }

    /// One figure for short runs, one for long ones.
    pub(crate) fn pick<T>(&self, quick: T, long: T) -> T {
        if self.quick { quick } else { long }
    }

    /// What most programs run in.
    pub(crate) fn runtime() -> Result<Runtime, Error> {
        Ok(Builder::new_multi_thread().enable_all().build()?)
    }

    /// Says on the standard error what goes on.
    pub(crate) fn tell(row: char, what: &str) {
        eprintln!("── {row}: {what}");
    }

    /// Ours and the floor, in this order.
    pub(crate) async fn two(&self, wait: Duration) -> Result<Vec<Shared>, Error> {
        Self::two_on(&self.server, wait).await
    }

    /// The same on another server.
    pub(crate) async fn two_on(server: &Server, wait: Duration) -> Result<Vec<Shared>, Error> {
        let url = server.url();
        let floor = Floor::connect(&url).await?;
        let floor = if wait.is_zero() {
            floor
        } else {
            floor.queued()
        };
        Ok(vec![
            Arc::new(Ours::connect(&url, wait).await?),
            Arc::new(floor),
        ])
    }

    /// Ours, the floor and the peers, in this order.
    pub(crate) async fn all(&self, wait: Duration) -> Result<Vec<Shared>, Error> {
        let mut all = self.two(wait).await?;
        all.extend(peers::connect(&self.server.url()).await?);
        Ok(all)
    }

    pub(crate) fn peer(&mut self, row: char, name: &'static str, did: String) {
        eprintln!("  {row} {name}: {did}");
        self.peers.entry(name).or_default().insert(row, did);
    }
}
