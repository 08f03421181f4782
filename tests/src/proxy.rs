//! A network that fails as it is told: between a client and a server on one machine.

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::link;

/// What happens to a command, or to its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The command is delivered so much later, and with it all that its connection carries after it.
    DelayCommand(Duration),
    /// The same for its answer.
    DelayAnswer(Duration),
    /// The command runs, its answer gets lost, and with it all that would come after it on the
    /// connection, as it does when a network breaks: nothing tells the client.
    SwallowReply,
    /// The command runs, its answer is left out, and the later ones arrive as if they were those
    /// before them: what no network does, but a bad proxy may.
    LeaveOut,
    /// Neither this command nor any later one of its connection is delivered, and nobody is told.
    BlackHole,
    /// The connection is reset instead of delivering the command.
    Reset,
    /// The command runs, then the connection is reset instead of delivering its answer.
    ResetReply,
    /// The command runs; so many bytes of its answer arrive before the connection is closed.
    Truncate(usize),
    /// The command runs, these bytes arrive instead of its answer.
    Replace(Vec<u8>),
    /// The command is delivered with one word more, which makes it an error of syntax.
    Spoil,
}

/// Relays connections to a server, and spoils what it is told to. Ends with this value, and with it
/// its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
    accepting: JoinHandle<()>,
}

/// What the connections of a proxy share.
#[derive(Debug)]
pub(crate) struct Network {
    state: Mutex<State>,
    /// Connections up to this number are silent.
    pub(crate) silent: watch::Sender<u64>,
    /// Connections up to this number are reset.
    pub(crate) cut: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    server: u16,
    connections: u64,
    black_hole: bool,
    /// What the server says unasked begins so, and gets lost.
    lost_pushes: Option<&'static str>,
    /// Faults of the next commands of a name, in order.
    planned: HashMap<String, VecDeque<Fault>>,
    /// A fault of every command of a name that has none planned.
    always: HashMap<String, Fault>,
    seen: HashMap<String, usize>,
    met: usize,
    commands: Range<Duration>,
    answers: Range<Duration>,
    seed: u64,
}

impl Proxy {
    /// A network that does not fail yet, to the server at this loopback port.
    ///
    /// # Panics
    ///
    /// If there is no free port, and outside a tokio runtime.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("its number");
        let network = Arc::new(Network {
            state: Mutex::new(State {
                server,
                ..State::default()
            }),
            silent: watch::Sender::new(0),
            cut: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, network.clone()));
        Self {
            address,
            network,
            accepting,
        }
    }

    /// Where clients connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Its port on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The next command of this name meets `fault`; several plans are met in order.
    pub fn plan(&self, command: &str, fault: Fault) {
        let mut state = self.network.state();
        let planned = state.planned.entry(command.to_uppercase()).or_default();
        planned.push_back(fault);
    }

    /// Every command of this name meets `fault`, unless another is planned for it.
    pub fn always(&self, command: &str, fault: Fault) {
        let mut state = self.network.state();
        state.always.insert(command.to_uppercase(), fault);
    }

    /// What the server says unasked gets lost if its kind begins so: `message`, `invalidate`, or all of it
    /// for an empty word. The answers to `SUBSCRIBE`, which look the same, arrive.
    pub fn lose_pushes(&self, kind: &'static str) {
        self.network.state().lost_pushes = Some(kind);
    }

    /// Forgets all plans and delays. What is silent stays silent.
    pub fn heal(&self) {
        let mut state = self.network.state();
        state.planned.clear();
        state.always.clear();
        state.commands = Range::default();
        state.answers = Range::default();
        state.black_hole = false;
        state.lost_pushes = None;
    }

    /// Delays each command and each answer by a time drawn from these ranges. Each connection draws
    /// its own, the same for the same `seed`; nothing overtakes anything on one connection.
    pub fn delay(&self, commands: Range<Duration>, answers: Range<Duration>, seed: u64) {
        let mut state = self.network.state();
        state.commands = commands;
        state.answers = answers;
        state.seed = seed;
    }

    /// The connections that exist go silent: what they carry is read and lost. New ones are sound.
    pub fn silence(&self) {
        let connections = self.network.state().connections;
        self.network.silent.send_replace(connections);
    }

    /// All connections, the coming ones, too, until [`Proxy::heal`], are silent.
    pub fn black_hole(&self) {
        self.network.state().black_hole = true;
        self.silence();
    }

    /// Resets the connections that exist.
    pub fn reset(&self) {
        let connections = self.network.state().connections;
        self.network.cut.send_replace(connections);
    }

    /// Leads new connections to another server, as an address does after a failover.
    pub fn lead_to(&self, server: u16) {
        self.network.state().server = server;
    }

    /// How many connections it has had.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.network.state().connections
    }

    /// How many commands have met a fault.
    #[must_use]
    pub fn met(&self) -> usize {
        self.network.state().met
    }

    /// How many commands of this name clients have sent.
    #[must_use]
    pub fn count(&self, command: &str) -> usize {
        let state = self.network.state();
        state
            .seen
            .get(&command.to_uppercase())
            .copied()
            .unwrap_or(0)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.network.cut.send_replace(u64::MAX);
    }
}

impl Network {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a command that a client has sent meets.
    pub(crate) fn meets(&self, words: &[&[u8]]) -> Option<Fault> {
        let name = words.first().copied().unwrap_or_default();
        let name = String::from_utf8_lossy(name).to_uppercase();
        let state = &mut *self.state();
        *state.seen.entry(name.clone()).or_default() += 1;
        let planned = state.planned.get_mut(&name).and_then(VecDeque::pop_front);
        let fault = planned.or_else(|| state.always.get(&name).cloned());
        state.met += usize::from(fault.is_some());
        fault
    }

    /// Whether such a push gets lost.
    pub(crate) fn loses(&self, kind: &[u8]) -> bool {
        let lost = self.state().lost_pushes;
        lost.is_some_and(|lost| kind.starts_with(lost.as_bytes())) && !kind.ends_with(b"subscribe")
    }

    /// The delays of commands and of answers, drawn by the two fractions.
    pub(crate) fn delays(&self, command: f64, answer: f64) -> (Duration, Duration) {
        let state = self.state();
        let drawn = |range: &Range<Duration>, fraction| {
            range.start + range.end.saturating_sub(range.start).mul_f64(fraction)
        };
        (
            drawn(&state.commands, command),
            drawn(&state.answers, answer),
        )
    }

    pub(crate) fn seed(&self) -> u64 {
        self.state().seed
    }
}

async fn accept(listener: TcpListener, network: Arc<Network>) {
    while let Ok((client, _)) = listener.accept().await {
        let (number, server, black_hole) = {
            let mut state = network.state();
            state.connections += 1;
            (state.connections, state.server, state.black_hole)
        };
        if black_hole {
            network.silent.send_replace(number);
        }
        let network = network.clone();
        tokio::spawn(async move {
            // Without a server the client's connection ends, too.
            if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await {
                link::run(&network, number, client, server).await;
            }
        });
    }
}
