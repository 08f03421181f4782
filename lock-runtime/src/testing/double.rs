//! The double in its user's hands.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

use super::fault::{Command, Commands, Fault, Seen};
use super::holds::Holds;
use super::wire::Wire;
use crate::builder::LockClientBuilder;
use crate::client::LockClient;
use crate::error::LockError;
use crate::release::ensure_worker;
use crate::store::{Listener, LockSession, LockStore, MemoryStore, StoreFuture, Stored};
use crate::token::{Holder, LockToken};

/// Longer than any lease of a test.
const PATIENCE: Duration = Duration::from_hours(24 * 31);

/// A client whose store answers as told, and the means to tell it. See the [module](super) for
/// what a test looks like; here is everything else.
///
/// ```
/// use std::time::Duration;
///
/// use lock_runtime::testing::{Command, Fault, LockDouble, Seen};
/// use lock_runtime::{LockClient, LockError};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), LockError> {
/// let double = LockDouble::with(LockClient::builder().acks(1, Duration::from_millis(200)))?;
/// let locks = double.client();
///
/// // A lock, and who has it.
/// double.busy_for("order:42", "web-2", Duration::from_secs(1));
/// assert!(double.holder("order:42").is_some_and(|holder| holder.to_string().contains("web-2")));
/// let guard = locks.lock("order:42").wait(Duration::from_secs(2)).acquire().await?;
/// assert!(double.is_held("order:42"));
/// double.lose("order:42");
/// assert!(guard.extend().await.is_err());
/// drop(guard);
///
/// // A server that stands still, is slow, and forgets; replicas that are gone.
/// double.stall(Duration::from_millis(300));
/// double.slow(Duration::from_millis(50));
/// locks.lock("order:42").acquire().await?.release().await?;
/// double.replicas(0);
/// assert!(matches!(locks.lock("order:42").acquire().await, Err(LockError::Backend { .. })));
/// double.up();
/// let guard = locks.lock("order:42").acquire().await?;
/// double.forget();
/// assert!(matches!(guard.release().await, Err(LockError::Lost { .. })));
///
/// // Every command of a kind, or of a kind for one key. A second client on the same store.
/// double.every(Command::Release.of("order:43"), Fault::Refuse);
/// drop(locks.lock("order:43").acquire().await?);
/// assert_eq!(double.left(), ["order:43"]);
/// let elsewhere = LockClient::builder().store(double.memory())?;
/// assert!(elsewhere.lock("order:43").acquire().await.is_err_and(|error| error.is_busy()));
/// double.settled().await; // left to its ttl, which is over by then
/// assert_eq!((double.acquired("order:43"), double.released("order:43")), (1, 0));
/// assert!(double.left().is_empty());
///
/// // What was sent, and when.
/// let sent: Vec<Seen> = double.seen();
/// assert!(sent.iter().any(|seen| seen.command == Command::Release && seen.fault == Fault::Refuse));
/// assert!(double.connections() >= 1);
/// # Ok(())
/// # }
/// ```
///
/// Keys are written as `#[distributed_lock]` renders them, without the client's prefix: `order:42`.
/// Clones are the same double. Nothing here blocks, and unless it says so nothing needs a runtime.
#[derive(Clone)]
pub struct LockDouble {
    wire: Wire,
    holds: Arc<Holds>,
    client: LockClient,
    /// The values of those who hold keys because the test says so.
    strangers: Arc<Mutex<Vec<Stored>>>,
}

impl Default for LockDouble {
    fn default() -> Self {
        Self::new()
    }
}

impl LockDouble {
    /// A double that does what a sound server does, for a client with the default settings.
    #[must_use]
    pub fn new() -> Self {
        let wire = Wire::new();
        let client = LockClient::builder().store_unchecked(Arc::new(wire.clone()));
        Self::of(wire, client)
    }

    /// As [`LockDouble::new`], for a client with these settings.
    ///
    /// # Errors
    ///
    /// [`LockError::InvalidOptions`] for settings out of range.
    pub fn with(settings: LockClientBuilder) -> Result<Self, LockError> {
        let wire = Wire::new();
        let client = settings.store(wire.clone())?;
        Ok(Self::of(wire, client))
    }

    fn of(wire: Wire, client: LockClient) -> Self {
        let (shared, network) = (&client.0, &wire.network);
        let settings = &shared.settings;
        network.set_up(&settings.prefix, settings.response_timeout());
        let holds = Arc::new(Holds::new(network.memory.clone()));
        let witness = holds.clone();
        // A client that was just made has none.
        let _ = shared
            .witness
            .set(Box::new(move |taken| witness.take(taken)));
        Self {
            wire,
            holds,
            client,
            strangers: Arc::default(),
        }
    }

    /// The client to give to the code under test: by [`LockClient::scope`], in its state, or
    /// wherever it looks for one. Always the same one.
    #[must_use]
    pub fn client(&self) -> LockClient {
        self.client.clone()
    }

    /// The locks themselves, beside the network that the client's commands go over: for a second
    /// client that nothing happens to, and for values of your own. Keys have their prefix here.
    #[must_use]
    pub fn memory(&self) -> MemoryStore {
        self.wire.network.memory.clone()
    }

    fn key(&self, name: &str) -> String {
        self.wire.network.state().key(name)
    }
}

/// What happens to a lock.
impl LockDouble {
    /// From now on a process on `host` holds `key`, for good: until [`LockDouble::free`]. Errors
    /// show the host.
    ///
    /// A lock that is held by the code under test is stolen from it, which it learns as in life: at
    /// its next renewal or check, at the latest from its release. [`LockDouble::lose`] tells it at
    /// once.
    pub fn busy(&self, key: &str, host: &str) {
        self.occupy(key, host, None);
    }

    /// As [`LockDouble::busy`], for so long only: a call that waits gets the lock then.
    pub fn busy_for(&self, key: &str, host: &str, length: Duration) {
        self.occupy(key, host, Some(length));
    }

    fn occupy(&self, key: &str, host: &str, length: Option<Duration>) {
        let token = LockToken::elsewhere(host, length.unwrap_or(Duration::from_secs(10)));
        let stored = Stored::Value(token.as_str().into());
        let strangers = self.strangers.lock();
        let mut strangers = strangers.unwrap_or_else(PoisonError::into_inner);
        strangers.push(stored.clone());
        self.wire.network.memory.put(self.key(key), stored, length);
    }

    /// Nobody holds `key` any more, as if it was released, evicted or forgotten. A call that held
    /// it learns as in [`LockDouble::busy`].
    pub fn free(&self, key: &str) {
        self.wire.network.memory.remove(&self.key(key));
    }

    /// Nobody holds any key any more, as when a server without persistence was restarted.
    pub fn forget(&self) {
        for key in self.wire.network.memory.keys() {
            self.wire.network.memory.remove(&key);
        }
    }

    /// The lock that the double's client holds at `key` is lost now, and its holder is told, as if
    /// a renewal had found it gone: a body is dropped at its await point (with `on_lost = "finish"`
    /// it runs on), [`LockGuard::lost`](crate::LockGuard::lost) ends, the call returns
    /// [`LockError::Lost`]. The key is free then, unless [`LockDouble::busy`] has given it to
    /// somebody before.
    ///
    /// # Panics
    ///
    /// If the double's client does not hold `key`: there would be nothing to lose. See
    /// [`LockDouble::until_held`].
    #[track_caller]
    pub fn lose(&self, key: &str) {
        let lost = self.holds.lose(&self.key(key));
        assert!(
            lost,
            "nothing to lose: the double's client does not hold `{key}`"
        );
    }

    /// As [`LockDouble::lose`], after `held_for`: counted from now if `key` is held, otherwise from
    /// the moment when the double's client takes it next. Once: the call after that keeps its lock.
    /// With a zero the body does not even begin.
    ///
    /// # Panics
    ///
    /// If `key` is held, outside a tokio runtime.
    pub fn lose_after(&self, key: &str, held_for: Duration) {
        self.holds.lose_after(self.key(key), held_for);
    }
}

/// What happens on the way.
impl LockDouble {
    /// Plans `fault` for the next command of this kind that nothing is planned for yet: three calls
    /// plan for three commands.
    pub fn next(&self, commands: impl Into<Commands>, fault: Fault) {
        self.wire.network.state().plan(commands.into(), fault);
    }

    /// Lets `fault` happen to every command of this kind that nothing else is planned for.
    /// [`Fault::None`] or [`LockDouble::up`] ends it.
    pub fn every(&self, commands: impl Into<Commands>, fault: Fault) {
        self.wire.network.state().stand(commands.into(), fault);
    }

    /// The server goes down: its connections break, nothing that it was told and has not done yet
    /// is done, no new connection is made. It keeps its locks, whose time runs on; see
    /// [`LockDouble::forget`].
    pub fn down(&self) {
        self.wire.network.state().go_down();
    }

    /// Everything works from now on: ends [`down`](LockDouble::down), [`stall`](LockDouble::stall),
    /// [`slow`](LockDouble::slow), [`replicas`](LockDouble::replicas),
    /// [`every`](LockDouble::every) and what is planned by [`next`](LockDouble::next). Locks stay as
    /// they are.
    pub fn up(&self) {
        self.wire.network.state().clear_up();
    }

    /// The server stands still for so long, and does afterwards what it was told meanwhile: a
    /// stopped process, a network that holds everything back.
    pub fn stall(&self, length: Duration) {
        self.wire.network.state().stall(length);
    }

    /// Every command takes so long from now on. A client waits a quarter of its command deadline for
    /// a single answer, by default 500 ms; a server that is slower than that does what it is told,
    /// but nobody hears of it.
    pub fn slow(&self, delay: Duration) {
        self.wire.network.state().slow_down(delay);
    }

    /// So many replicas acknowledge what a client with `acks` writes, from now on. Before, as many as
    /// it asks for.
    pub fn replicas(&self, number: u32) {
        self.wire.network.state().replicate(number);
    }
}

/// What a test may want to know.
impl LockDouble {
    /// Whether the double's client holds `key` and its lease lasts.
    #[must_use]
    pub fn is_held(&self, key: &str) -> bool {
        self.holds.is_held(&self.key(key))
    }

    /// Ends when the double's client holds `key`: for what is to happen in the middle of a body.
    ///
    /// Cancellation safety: holds nothing.
    pub async fn until_held(&self, key: &str) {
        self.holds.until_held(&self.key(key)).await;
    }

    /// Who stands at `key`: the code under test, or somebody else.
    #[must_use]
    pub fn holder(&self, key: &str) -> Option<Holder> {
        self.stored(&self.key(key)).map(|stored| stored.holder())
    }

    fn stored(&self, key: &str) -> Option<Stored> {
        // The memory answers at once.
        let found = self.wire.network.memory.inspect(key).now_or_never();
        let found = found.and_then(Result::ok).flatten();
        found.map(|(stored, _)| stored)
    }

    /// How often the store has granted `key`.
    #[must_use]
    pub fn acquired(&self, key: &str) -> usize {
        self.wire.network.state().outcomes(Command::Acquire, key)
    }

    /// How often the store has deleted `key` for its holder, or has shortened it to its `min_hold`. A lock
    /// that was lost, or left to its ttl, is not released.
    #[must_use]
    pub fn released(&self, key: &str) -> usize {
        self.wire.network.state().outcomes(Command::Release, key)
    }

    /// All commands that were sent, in their order.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.wire.network.state().seen.clone()
    }

    /// How many commands of this kind were sent.
    #[must_use]
    pub fn count(&self, commands: impl Into<Commands>) -> usize {
        let commands = commands.into();
        let state = self.wire.network.state();
        let meant = |seen: &&Seen| commands.mean(seen.command, &seen.key);
        state.seen.iter().filter(meant).count()
    }

    /// How many connections were made. One breaks with [`LockDouble::down`], with some faults, and
    /// after two commands in a row without an answer.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.wire.made()
    }

    /// The keys that code under test has left behind, sorted: all that exist but those of
    /// [`LockDouble::busy`]. Dropped guards and cancelled calls release in the background: await
    /// [`LockDouble::settled`] first.
    #[must_use]
    pub fn left(&self) -> Vec<String> {
        let strangers = self.strangers.lock();
        let strangers = strangers.unwrap_or_else(PoisonError::into_inner);
        let mut left = self.wire.network.memory.keys();
        left.retain(|key| {
            self.stored(key)
                .is_some_and(|stored| !strangers.contains(&stored))
        });
        let state = self.wire.network.state();
        let mut left: Vec<String> = left.iter().map(|key| state.name(key)).collect();
        left.sort_unstable();
        left
    }

    /// Waits until the double's client neither holds nor asks for a lock and every release is
    /// settled. Unlike [`LockClient::shutdown`] it ends nothing.
    ///
    /// Cancellation safety: holds nothing.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime; and if it takes a month, as in paused time it does at once where
    /// the test itself holds a guard.
    pub async fn settled(&self) {
        let releases = &self.client.0.releases;
        // The one that was to send them may have ended with its runtime.
        ensure_worker(releases);
        if timeout(PATIENCE, releases.idle()).await.is_err() {
            let (running, releasing) = releases.remaining();
            panic!("{running} locks are held or asked for and {releasing} releases not settled");
        }
    }
}

/// A store for another client, such as one of another process, over the same network. Losses and
/// [`LockDouble::is_held`] are about the double's own client only.
impl LockStore for LockDouble {
    fn session(&self) -> StoreFuture<'_, Arc<dyn LockSession>> {
        self.wire.session()
    }

    fn exclusive(&self) -> StoreFuture<'_, Arc<dyn LockSession>> {
        self.wire.exclusive()
    }

    fn listen(&self, key: &Arc<str>, token: &LockToken) -> Option<Box<dyn Listener>> {
        self.wire.listen(key, token)
    }

    fn address(&self) -> String {
        self.wire.address()
    }
}

impl fmt::Debug for LockDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockDouble")
            .field("client", &self.client)
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}
