//! The network between workers and server: connections that are slow, or cut.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::sleep;

/// Which way bytes go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    ToServer,
    ToWorker,
}

#[derive(Debug, Default)]
struct Connection {
    /// Milliseconds that what passes is late, in either direction.
    to_server: AtomicU64,
    to_worker: AtomicU64,
    cut: Notify,
}

#[derive(Debug)]
pub(crate) struct Relay {
    port: u16,
    connections: Mutex<BTreeMap<u64, Arc<Connection>>>,
    next: AtomicU64,
}

impl Relay {
    /// Listens as long as the process lives.
    pub(crate) async fn start(server: u16) -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let relay = Arc::new(Self {
            port: listener.local_addr()?.port(),
            connections: Mutex::default(),
            next: AtomicU64::new(0),
        });
        let accepting = relay.clone();
        tokio::spawn(async move {
            loop {
                // Out of descriptors, say: those there are end sooner or later.
                let Ok((worker, _)) = listener.accept().await else {
                    sleep(Duration::from_millis(10)).await;
                    continue;
                };
                let relay = accepting.clone();
                tokio::spawn(async move {
                    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await;
                    if let Ok(server) = server {
                        relay.pass(worker, server).await;
                    }
                });
            }
        });
        Ok(relay)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn connections(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Connection>>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn open(&self) -> Vec<u64> {
        self.connections().keys().copied().collect()
    }

    pub(crate) fn cut(&self, id: u64) {
        if let Some(connection) = self.connections().get(&id) {
            connection.cut.notify_one();
        }
    }

    pub(crate) fn delay(&self, id: u64, way: Way, delay: Duration) {
        if let Some(connection) = self.connections().get(&id) {
            let millis = u64::try_from(delay.as_millis()).unwrap_or_default();
            connection.way(way).store(millis, Ordering::Relaxed);
        }
    }

    async fn pass(&self, worker: TcpStream, server: TcpStream) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection::default());
        self.connections().insert(id, connection.clone());
        // Small packets that wait for company would be a delay that nobody has asked for.
        let _ = (worker.set_nodelay(true), server.set_nodelay(true));
        let (from_worker, to_worker) = worker.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            () = copy(from_worker, to_server, &connection.to_server) => {}
            () = copy(from_server, to_worker, &connection.to_worker) => {}
            () = connection.cut.notified() => {}
        }
        self.connections().remove(&id);
    }
}

impl Connection {
    fn way(&self, way: Way) -> &AtomicU64 {
        match way {
            Way::ToServer => &self.to_server,
            Way::ToWorker => &self.to_worker,
        }
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: &AtomicU64) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let late = delay.load(Ordering::Relaxed);
        if late > 0 {
            sleep(Duration::from_millis(late)).await;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}
