//! A small Redis on the simulated network: one thing after the other on each connection, with stalls,
//! resets and stops.

pub(crate) mod keyspace;
pub(crate) mod line;
mod news;
mod procedure;
pub(crate) mod resp;
pub(crate) mod rights;
mod script;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio::task::spawn_local;
use tokio::time::sleep;
use turmoil::net::TcpListener;
use turmoil::net::TcpStream;
use turmoil::net::tcp::OwnedWriteHalf;

use crate::history::History;
use crate::world::{self, Phase, World};
use keyspace::By;
use line::Entry;
use resp::Reply;

pub(crate) const PORT: u16 = 6379;

/// Serves until the process is killed.
pub(crate) async fn serve() -> turmoil::Result {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    loop {
        let (stream, peer) = listener.accept().await?;
        spawn_local(connection(stream, peer));
    }
}

/// What becomes of a command.
struct Fate {
    stalled: Option<Duration>,
    runs: bool,
    resets: bool,
    /// The answer comes so much later.
    answer_stalled: Option<Duration>,
}

impl Fate {
    fn draw() -> Self {
        world::with(|world| {
            let World {
                plan,
                chance,
                phase,
                ..
            } = world;
            let mut stall = || {
                let stalled = *phase == Phase::Chaos && chance.percent(plan.stalls);
                stalled.then(|| chance.millis(5..plan.stall))
            };
            let (stalled, answer_stalled) = (stall(), stall());
            let resets = *phase == Phase::Chaos && chance.percent(plan.resets);
            Self {
                stalled,
                runs: !resets || chance.percent(50),
                resets,
                answer_stalled,
            }
        })
    }
}

/// The connections that are open.
#[derive(Default)]
pub(crate) struct Connections {
    last: u64,
    open: BTreeMap<u64, Open>,
}

struct Open {
    name: String,
    outbox: mpsc::UnboundedSender<Sent>,
    cut: Arc<Notify>,
}

/// What goes to a client.
struct Sent {
    bytes: Vec<u8>,
    stalled: Option<Duration>,
    /// The connection breaks instead.
    lost: bool,
}

impl Connections {
    fn open(&mut self, open: Open) -> u64 {
        self.last += 1;
        self.open.insert(self.last, open);
        self.last
    }

    /// Resets a connection.
    pub(crate) fn cut(&self, connection: u64) -> Option<&str> {
        let open = self.open.get(&connection)?;
        open.cut.notify_one();
        Some(&open.name)
    }
}

/// Open while this lives, which is not longer than its server.
struct Opened(By);

impl Drop for Opened {
    fn drop(&mut self) {
        world::with(|world| {
            world.connections.open.remove(&self.0.connection);
            world.keyspace.news.close(self.0.connection);
        });
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr) {
    let host = world::with(|world| world.hosts.get(&peer.ip()).copied().unwrap_or("?"));
    let name = format!("{host}:{}", peer.port() - 49_151);
    let (mut incoming, outgoing) = stream.into_split();
    let (outbox, queue) = mpsc::unbounded_channel();
    let writer = spawn_local(answer(outgoing, queue));
    let cut = Arc::new(Notify::new());
    let open = Open {
        name: name.clone(),
        outbox: outbox.clone(),
        cut: cut.clone(),
    };
    let connection = world::with(|world| world.connections.open(open));
    let opened = Opened(By { host, connection });
    let mut bytes = Vec::new();
    'open: loop {
        while let Some(command) = resp::command(&mut bytes) {
            let fate = Fate::draw();
            if let Some(stalled) = fate.stalled {
                sleep(stalled).await;
            }
            stand_still().await;
            if fate.runs {
                let reply = run(&command, opened.0, &name, fate.stalled);
                // The writer ends with a client that is gone.
                let _ = outbox.send(Sent {
                    bytes: reply.bytes(),
                    stalled: fate.answer_stalled,
                    lost: fate.resets,
                });
            }
            if fate.resets {
                world::tell("server", format_args!("resets {name}"));
                writer.abort();
                break 'open;
            }
        }
        let read = tokio::select! {
            biased;
            () = cut.notified() => {
                writer.abort();
                break;
            }
            read = incoming.read_buf(&mut bytes) => read,
        };
        if !matches!(read, Ok(1..)) {
            break;
        }
    }
}

/// Sends what nobody asked for on its way.
pub(crate) fn deliver(world: &mut World) {
    for (connection, news) in world.keyspace.news.due() {
        let Some(open) = world.connections.open.get(&connection) else {
            continue;
        };
        let (chaos, plan) = (world.phase == Phase::Chaos, &world.plan);
        let kept = chaos && world.chance.percent(plan.deaf);
        let stalled = chaos && world.chance.percent(plan.stalls);
        let stalled = stalled.then(|| world.chance.millis(5..plan.stall));
        let words = told_reply(&news, &mut world.history);
        let late = if kept { ", but keeps it" } else { "" };
        world.history.tell(
            world.now,
            "server",
            format_args!("tells {}: {words}{late}", open.name),
        );
        if !kept {
            // As for an answer.
            let _ = open.outbox.send(Sent {
                bytes: news.bytes(),
                stalled,
                lost: false,
            });
        }
    }
}

/// Waits while the process is stopped.
async fn stand_still() {
    loop {
        let left = world::with(|world| world.stopped_until.saturating_sub(world.now));
        if left.is_zero() {
            return;
        }
        sleep(left).await;
    }
}

async fn answer(mut outgoing: OwnedWriteHalf, mut queue: mpsc::UnboundedReceiver<Sent>) {
    while let Some(sent) = queue.recv().await {
        if let Some(stalled) = sent.stalled {
            sleep(stalled).await;
        }
        stand_still().await;
        if sent.lost || outgoing.write_all(&sent.bytes).await.is_err() {
            return;
        }
    }
}

fn run(command: &[String], by: By, name: &str, stalled: Option<Duration>) -> Reply {
    world::with(|world| {
        let loads = world.now < world.loading_until;
        let reply = if loads
            && !["CLIENT", "HELLO", "SUBSCRIBE", "PUBLISH"].contains(&command[0].as_str())
        {
            Reply::Error("LOADING Redis is loading the dataset in memory")
        } else {
            let chaos = world.phase == Phase::Chaos;
            world.keyspace.full = chaos && world.chance.percent(world.plan.full);
            world.keyspace.run(command, world.now, by)
        };
        if is_told(command) {
            let command = told(command, &mut world.history);
            let reply = told_reply(&reply, &mut world.history);
            let stalled = stalled.map_or(String::new(), |stalled| {
                format!(", {} ms late", stalled.as_millis())
            });
            world.tell("server", format_args!("{name} {command}: {reply}{stalled}"));
        }
        deliver(world);
        reply
    })
}

/// Whether a command is worth a line of the history.
pub(crate) fn is_told(command: &[String]) -> bool {
    command[0] != "HELLO" && command.get(1).is_none_or(|word| word != "SETINFO")
}

/// A command without what differs between runs.
pub(crate) fn told(command: &[String], history: &mut History) -> String {
    let mut text = String::new();
    for word in command {
        let _ = match word.as_str() {
            // Asked for to learn what the server has.
            word if word.ends_with('?') => write!(text, "? "),
            word if word.contains('\n') => write!(text, "<script> "),
            word if word.len() == 40 => write!(text, "{} ", &word[..4]),
            "" => write!(text, "- "),
            word => write!(text, "{} ", told_text(word, history)),
        };
    }
    text.truncate(text.trim_end().len());
    text
}

fn told_text(word: &str, history: &mut History) -> String {
    if let Some(entry) = Entry::read(word) {
        let name = history.name(entry.token);
        let deaf = if entry.address.is_none() { "?" } else { "" };
        return format!("[{name} {}{deaf}]", entry.claim);
    }
    let (words, token) = word.rsplit_once(' ').unwrap_or(("", word));
    if is_token(token) {
        return format!("{words} {}", history.name(token)).trim().to_owned();
    }
    match word.split_once("turn:") {
        Some((before, address)) => format!("{before}turn:{}", &address[..4.min(address.len())]),
        None => word.to_owned(),
    }
}

fn told_reply(reply: &Reply, history: &mut History) -> String {
    match reply {
        Reply::Nil => "nil".to_owned(),
        Reply::Text(text) => told_text(text, history),
        Reply::Number(number) => number.to_string(),
        Reply::Simple(text) => (*text).to_owned(),
        Reply::Error(text) => text.split(' ').next().unwrap_or_default().to_owned(),
        Reply::List(parts) | Reply::Map(parts) | Reply::Push(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| told_reply(part, history)).collect();
            parts.join(" ")
        }
    }
}

pub(crate) fn is_token(word: &str) -> bool {
    word.matches('|').count() == 6 && !word.ends_with('?') && !word.contains(' ')
}
