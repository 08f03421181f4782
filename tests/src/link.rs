//! One connection through a [`Proxy`](crate::Proxy).

use std::collections::VecDeque;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use crate::chance::Chance;
use crate::proxy::{Fault, Network};
use crate::resp;

/// The connection is to be reset.
struct Reset;

/// Bytes and when they are to arrive.
type Parcel = (Instant, Vec<u8>);

struct Link<'a> {
    network: &'a Network,
    number: u64,
    /// What meets the answers that are out, in the order of their commands.
    answers: Mutex<VecDeque<Option<Fault>>>,
    /// Nothing is delivered any more, in either direction.
    dead: AtomicBool,
    /// No answer is delivered any more.
    mute: AtomicBool,
}

/// Relays until either side closes, or a fault ends it.
pub(crate) async fn run(network: &Network, number: u64, client: TcpStream, server: TcpStream) {
    // Small packets are what this is all about.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, mut to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let link = Link {
        network,
        number,
        answers: Mutex::default(),
        dead: AtomicBool::new(false),
        mute: AtomicBool::new(false),
    };
    let mut cut = network.cut.subscribe();
    let ended = tokio::select! {
        ended = link.relay_commands(from_client, to_server) => ended,
        ended = link.relay_answers(from_server, &mut to_client) => ended,
        _ = cut.wait_for(|cut| *cut >= number) => Err(Reset),
    };
    if ended.is_err() {
        // Whatever is unsent is thrown away, and the client's system is told of an error.
        let _ = to_client.as_ref().set_zero_linger();
    }
}

impl Link<'_> {
    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed) || *self.network.silent.borrow() >= self.number
    }

    fn is_mute(&self) -> bool {
        self.is_dead() || self.mute.load(Ordering::Relaxed)
    }

    fn answers(&self) -> MutexGuard<'_, VecDeque<Option<Fault>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chance(&self, direction: u64) -> Chance {
        Chance::new(self.network.seed() ^ (self.number << 1 | direction).rotate_left(32))
    }

    /// Ends when the client has closed and the server will never be heard again. Everything that was
    /// sent before arrives.
    async fn relay_commands(
        &self,
        from_client: OwnedReadHalf,
        mut to_server: OwnedWriteHalf,
    ) -> Result<(), Reset> {
        let (parcels, arriving) = unbounded_channel();
        let deliver = deliver(&mut to_server, arriving, || self.is_dead());
        let (ended, ()) = tokio::join!(self.read_commands(from_client, parcels), deliver);
        // The server hears the end, and will close its side.
        drop(to_server);
        if ended.is_ok() && !self.is_mute() {
            return pending().await;
        }
        ended
    }

    /// Ends when the server has closed, unless the client must not know.
    async fn relay_answers(
        &self,
        from_server: OwnedReadHalf,
        to_client: &mut OwnedWriteHalf,
    ) -> Result<(), Reset> {
        let (parcels, arriving) = unbounded_channel();
        let deliver = deliver(to_client, arriving, || self.is_dead());
        let (ended, ()) = tokio::join!(self.read_answers(from_server, parcels), deliver);
        if ended.is_ok() && self.is_mute() {
            return pending().await;
        }
        ended
    }

    async fn read_commands(
        &self,
        mut from_client: OwnedReadHalf,
        parcels: UnboundedSender<Parcel>,
    ) -> Result<(), Reset> {
        let mut chance = self.chance(0);
        let mut read = Vec::new();
        let mut arrival = Instant::now();
        while let Ok(1..) = from_client.read_buf(&mut read).await {
            while let Some((words, length)) = resp::command(&read) {
                let fault = self.network.meets(&words);
                // Its answers look like what comes unasked.
                let pushes = words
                    .first()
                    .is_some_and(|name| name.to_ascii_uppercase().ends_with(b"SUBSCRIBE"));
                let (delay, _) = self.network.delays(chance.fraction(), 0.0);
                arrival = arrival.max(Instant::now() + delay);
                let mut bytes = read[..length].to_vec();
                match &fault {
                    Some(Fault::Reset) => return Err(Reset),
                    Some(Fault::BlackHole) => self.dead.store(true, Ordering::Relaxed),
                    Some(Fault::DelayCommand(more)) => arrival += *more,
                    Some(Fault::Spoil) => bytes = resp::written(&[&words[..], &[b"OLD"]].concat()),
                    _ => {}
                }
                read.drain(..length);
                if !self.is_dead() {
                    if !pushes {
                        self.answers().push_back(fault);
                    }
                    // Nobody receives when the link has ended.
                    let _ = parcels.send((arrival, bytes));
                }
            }
        }
        Ok(())
    }

    async fn read_answers(
        &self,
        mut from_server: OwnedReadHalf,
        parcels: UnboundedSender<Parcel>,
    ) -> Result<(), Reset> {
        let mut chance = self.chance(1);
        let mut read = Vec::new();
        let mut arrival = Instant::now();
        while let Ok(1..) = from_server.read_buf(&mut read).await {
            while let Some(length) = resp::answer(&read) {
                // Belongs to no command.
                let push = resp::push(&read[..length]);
                let fault = match push {
                    Some(kind) if self.network.loses(kind) => Some(Some(Fault::LeaveOut)),
                    Some(_) => None,
                    None => self.answers().pop_front(),
                };
                let (_, delay) = self.network.delays(0.0, chance.fraction());
                arrival = arrival.max(Instant::now() + delay);
                let mut bytes: Vec<u8> = read.drain(..length).collect();
                let mut last = false;
                match fault.flatten() {
                    Some(Fault::ResetReply) => return Err(Reset),
                    Some(Fault::LeaveOut) => continue,
                    Some(Fault::SwallowReply) => self.mute.store(true, Ordering::Relaxed),
                    Some(Fault::DelayAnswer(more)) => arrival += more,
                    Some(Fault::Replace(others)) => bytes = others,
                    Some(Fault::Truncate(length)) => {
                        bytes.truncate(length);
                        last = true;
                    }
                    _ => {}
                }
                if !self.is_mute() {
                    // Nobody receives when the link has ended.
                    let _ = parcels.send((arrival, bytes));
                }
                if last {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Writes each parcel when it is due, unless nobody is to have it by then.
async fn deliver(
    to: &mut OwnedWriteHalf,
    mut arriving: UnboundedReceiver<Parcel>,
    lost: impl Fn() -> bool,
) {
    while let Some((due, bytes)) = arriving.recv().await {
        // Sleeping costs a millisecond.
        if due > Instant::now() + Duration::from_micros(100) {
            sleep_until(due).await;
        }
        if !lost() {
            // Whoever has closed misses what comes.
            let _ = to.write_all(&bytes).await;
        }
    }
}
