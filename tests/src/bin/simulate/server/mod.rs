//! A small Redis on the simulated network: one thing after the other on each connection, with stalls,
//! resets and stops.

pub(crate) mod keyspace;
pub(crate) mod resp;
mod script;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio::time::sleep;
use turmoil::net::TcpListener;
use turmoil::net::TcpStream;
use turmoil::net::tcp::OwnedWriteHalf;

use crate::history::History;
use crate::world::{self, Phase, World};
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

async fn connection(stream: TcpStream, peer: SocketAddr) {
    let host = world::with(|world| world.hosts.get(&peer.ip()).copied().unwrap_or("?"));
    let name = format!("{host}:{}", peer.port() - 49_151);
    let (mut incoming, outgoing) = stream.into_split();
    let (answers, queue) = mpsc::unbounded_channel();
    let writer = spawn_local(answer(outgoing, queue));
    let mut bytes = Vec::new();
    'open: loop {
        while let Some(command) = resp::command(&mut bytes) {
            let fate = Fate::draw();
            if let Some(stalled) = fate.stalled {
                sleep(stalled).await;
            }
            stand_still().await;
            if fate.runs {
                let reply = run(&command, host, &name, fate.stalled);
                // The writer ends with a client that is gone.
                let _ = answers.send((reply.bytes(), fate.answer_stalled, fate.resets));
            }
            if fate.resets {
                world::tell("server", format_args!("resets {name}"));
                writer.abort();
                break 'open;
            }
        }
        if !matches!(incoming.read_buf(&mut bytes).await, Ok(1..)) {
            break;
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

async fn answer(
    mut outgoing: OwnedWriteHalf,
    mut queue: mpsc::UnboundedReceiver<(Vec<u8>, Option<Duration>, bool)>,
) {
    while let Some((bytes, stalled, lost)) = queue.recv().await {
        if let Some(stalled) = stalled {
            sleep(stalled).await;
        }
        stand_still().await;
        if lost || outgoing.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

fn run(command: &[String], host: &'static str, name: &str, stalled: Option<Duration>) -> Reply {
    world::with(|world| {
        let reply = if world.now < world.loading_until && command[0] != "CLIENT" {
            Reply::Error("LOADING Redis is loading the dataset in memory")
        } else {
            world.keyspace.run(command, world.now, host)
        };
        if command[0] != "CLIENT" {
            let command = told(command, &mut world.history);
            let reply = told_reply(&reply, &mut world.history);
            let stalled = stalled.map_or(String::new(), |stalled| {
                format!(", {} ms late", stalled.as_millis())
            });
            world.tell("server", format_args!("{name} {command}: {reply}{stalled}"));
        }
        reply
    })
}

/// A command without what differs between runs.
pub(crate) fn told(command: &[String], history: &mut History) -> String {
    let mut text = String::new();
    for word in command {
        let _ = match word.as_str() {
            word if is_token(word) => write!(text, "{} ", history.name(word)),
            // Asked for to learn what the server has.
            word if word.ends_with('?') => write!(text, "? "),
            word if word.contains('\n') => write!(text, "<script> "),
            word if word.len() == 40 => write!(text, "{} ", &word[..4]),
            word => write!(text, "{word} "),
        };
    }
    text.truncate(text.trim_end().len());
    text
}

fn told_reply(reply: &Reply, history: &mut History) -> String {
    match reply {
        Reply::Nil => "nil".to_owned(),
        Reply::Text(text) if is_token(text) => history.name(text),
        Reply::Text(text) => text.clone(),
        Reply::Number(number) => number.to_string(),
        Reply::Simple(text) => (*text).to_owned(),
        Reply::Error(text) => text.split(' ').next().unwrap_or_default().to_owned(),
        Reply::Pair(number, text) => format!("{number} {text}"),
    }
}

pub(crate) fn is_token(word: &str) -> bool {
    word.matches('|').count() == 6 && !word.ends_with('?')
}
