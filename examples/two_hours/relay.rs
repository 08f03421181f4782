//! A relay between a client and the server that can be slow: what the client sends is held back
//! for as long as the story wants, and arrives in the end, as on a congested network.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::address::{address, at_address};
use crate::{Result, until};

pub(crate) struct Relay {
    pub(crate) url: String,
    gate: watch::Sender<Gate>,
    carrying: JoinHandle<()>,
}

#[derive(Default)]
struct Gate {
    held: bool,
    /// Whether something stands before the closed gate.
    holds: bool,
}

impl Relay {
    pub(crate) async fn to(url: &str) -> Result<Self> {
        let server = address(url)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = at_address(url, &listener.local_addr()?.to_string())?;
        let gate = watch::Sender::new(Gate::default());
        let carrying = tokio::spawn(accept(listener, server, gate.clone()));
        Ok(Self {
            url,
            gate,
            carrying,
        })
    }

    /// From now on nothing reaches the server.
    pub(crate) fn hold(&self) {
        self.gate.send_modify(|gate| gate.held = true);
    }

    /// Everything held back goes on its way.
    pub(crate) fn let_go(&self) {
        self.gate.send_replace(Gate::default());
    }

    /// Waits until a command stands before the closed gate.
    pub(crate) async fn holds_something(&self) {
        until(|| self.gate.borrow().holds).await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn accept(listener: TcpListener, server: (String, u16), gate: watch::Sender<Gate>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(&server).await else {
            // The client sees its connection closed, as it would without a relay.
            continue;
        };
        // Commands are small: none may wait for the next one.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (from_client, mut to_client) = client.into_split();
        let (mut from_server, to_server) = server.into_split();
        connections.spawn(carry(from_client, to_server, gate.clone()));
        connections.spawn(async move {
            let _ = copy(&mut from_server, &mut to_client).await;
        });
    }
}

/// Ends with either side.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, gate: watch::Sender<Gate>) {
    let mut buffer = [0; 4096];
    let mut opened = gate.subscribe();
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        gate.send_if_modified(|gate| {
            gate.holds |= gate.held;
            gate.held
        });
        let _ = opened.wait_for(|gate| !gate.held).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
