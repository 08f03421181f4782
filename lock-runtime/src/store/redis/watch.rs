//! The connection on which the heads of one runtime are told: made for the first of them, made again
//! when it broke.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, Value, cmd};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::channel::Channel;
use super::dialect::{Failure, failure, told};
use crate::chance::{identity, jitter};
use crate::error::{StoreError, StoreErrorKind};
use crate::observe::{Fallback, fell_back};
use crate::store::{Inbox, News};
use crate::token::LockToken;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// After a refusal, which in all likelihood lasts.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);

/// Between two looks whether the connection still carries anything: no news is no sign.
const PULSE: Duration = Duration::from_secs(5);

/// Is called with what a server says unasked.
pub(super) type Hear = Box<dyn Fn(PushInfo) + Send + Sync>;

/// Makes a connection; `None` once the client is gone.
pub(super) type Open = Box<
    dyn Fn(
            Hear,
        ) -> Pin<
            Box<dyn Future<Output = Option<Result<MultiplexedConnection, StoreError>>> + Send>,
        > + Send
        + Sync,
>;

/// The heads of one runtime, and where they are told.
pub(super) struct Watch {
    address: Arc<str>,
    state: Mutex<State>,
    /// The state changed, or there is nobody left to be told.
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// While news can come.
    channel: Option<Arc<Channel>>,
    /// Whether the server tells of keys that change.
    tracks: bool,
    /// Whether it was tried to make one since the last that worked.
    tried: bool,
    heads: HashMap<LockToken, Arc<Inbox>>,
    keys: HashMap<Arc<str>, Vec<Arc<Inbox>>>,
}

impl State {
    /// Of all heads, in an order that a simulation repeats.
    fn inboxes(&self) -> Vec<Arc<Inbox>> {
        let mut heads: Vec<_> = self.heads.iter().collect();
        heads.sort_unstable_by_key(|(token, _)| token.as_str());
        heads.into_iter().map(|(_, inbox)| inbox.clone()).collect()
    }
}

impl Watch {
    /// Starts to connect, in the calling runtime.
    pub(super) fn start(prefix: &str, response_timeout: Duration, open: Open) -> Arc<Self> {
        let watch = Arc::new(Self {
            address: format!("{prefix}turn:{}", identity().simple()).into(),
            state: Mutex::default(),
            changed: Arc::default(),
        });
        let keeper = Keeper(Arc::downgrade(&watch));
        tokio::spawn(keep(keeper, response_timeout, open));
        watch
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_settled(&self) -> bool {
        let state = self.state();
        state.channel.is_some() || state.tried
    }

    /// The connection to look at a key on, if the server tells of its next change then.
    pub(super) fn tracking(&self) -> Option<Arc<Channel>> {
        let state = self.state();
        let channel = state.channel.clone().filter(|_| state.tracks);
        channel.filter(|channel| channel.is_sound())
    }

    /// Takes a head in; what it is told comes to the inbox.
    pub(super) fn enter(&self, key: &Arc<str>, token: &LockToken) -> Arc<Inbox> {
        let inbox = Arc::new(Inbox::default());
        let mut state = self.state();
        let inboxes = state.keys.entry(key.clone()).or_default();
        inboxes.push(inbox.clone());
        let idle = state.heads.is_empty();
        state.heads.insert(token.clone(), inbox.clone());
        drop(state);
        if idle {
            self.changed.notify_waiters();
        }
        inbox
    }

    pub(super) fn leave(&self, key: &Arc<str>, token: &LockToken, inbox: &Arc<Inbox>) {
        let mut state = self.state();
        state.heads.remove(token);
        if let Some(inboxes) = state.keys.get_mut(key) {
            inboxes.retain(|other| !Arc::ptr_eq(other, inbox));
            if inboxes.is_empty() {
                state.keys.remove(key);
            }
        }
        if state.heads.is_empty() {
            state.heads.shrink_to(64);
            state.keys.shrink_to(64);
        }
    }

    /// Ends when news can come, or it was tried in vain.
    pub(super) async fn settled(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.is_settled() {
                return;
            }
            changed.await;
        }
    }

    /// Where its heads are told, while news can come.
    pub(super) fn address(&self) -> Option<Arc<str>> {
        let state = self.state();
        state.channel.as_ref().map(|_| self.address.clone())
    }

    /// Whatever was missed while there was no connection may have been news.
    fn turn(&self, channel: Option<Arc<Channel>>, tracks: bool) {
        let mut state = self.state();
        state.channel = channel;
        state.tracks = tracks;
        state.tried = true;
        let inboxes = state.inboxes();
        drop(state);
        self.changed.notify_waiters();
        for inbox in inboxes {
            inbox.tell(News::Lost);
        }
    }

    /// Called by the driver of the connection: must not wait.
    fn hear(&self, push: &PushInfo) {
        match (&push.kind, &*push.data) {
            (PushKind::Message, [_, Value::BulkString(words)]) => self.told(words),
            (PushKind::Invalidate, [Value::Array(keys)]) => {
                for key in keys {
                    if let Value::BulkString(key) = key
                        && let Ok(key) = std::str::from_utf8(key)
                    {
                        self.invalidated(key);
                    }
                }
            }
            // The server forgot whatever it had.
            (PushKind::Invalidate, _) => {
                let inboxes = self.state().inboxes();
                for inbox in inboxes {
                    inbox.tell(News::Lost);
                }
            }
            _ => {}
        }
    }

    fn invalidated(&self, key: &str) {
        let state = self.state();
        for inbox in state.keys.get(key).into_iter().flatten() {
            inbox.tell(News::Changed);
        }
    }

    /// What nobody here waits for is news of a turn that is over.
    fn told(&self, words: &[u8]) {
        let Some((news, token)) = parsed(words) else {
            return;
        };
        let state = self.state();
        if let Some(inbox) = state.heads.get(token) {
            inbox.tell(news);
        }
    }
}

/// `turn <token>` or `next <claim in ms> <token>`.
fn parsed(words: &[u8]) -> Option<(News, &str)> {
    let words = std::str::from_utf8(words).ok()?;
    match words.split_once(' ')? {
        ("turn", token) => Some((News::Turn, token)),
        ("next", rest) => {
            let (claim, token) = rest.split_once(' ')?;
            Some((
                News::Next(Duration::from_millis(claim.parse().ok()?)),
                token,
            ))
        }
        _ => None,
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.changed.notify_waiters();
    }
}

/// A connection for news.
struct Opened {
    channel: Arc<Channel>,
    tracks: bool,
    /// It has ended.
    gone: Arc<Notify>,
}

/// Whoever sees to it that there is a connection.
struct Keeper(Weak<Watch>);

impl Drop for Keeper {
    /// No news comes any more. A head that a release has put in line may wait in another runtime than
    /// that of the release: it has to know, and joins anew there.
    fn drop(&mut self) {
        if let Some(here) = self.0.upgrade() {
            here.turn(None, false);
        }
    }
}

/// Keeps a connection while there are heads. Ends with the client, or with its runtime.
async fn keep(keeper: Keeper, response_timeout: Duration, connect: Open) {
    let watch = &keeper.0;
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(opened) = open(watch, response_timeout, &connect).await else {
            return;
        };
        match opened {
            Ok(opened) => {
                pause = FIRST_PAUSE;
                let Some(here) = watch.upgrade() else { return };
                here.turn(Some(opened.channel.clone()), opened.tracks);
                drop(here);
                if !listened(watch, &opened).await {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "waiters poll: the server tells no news");
                if error.kind() == StoreErrorKind::Refused {
                    fell_back(Fallback::Polling);
                    pause = REFUSED_PAUSE;
                }
            }
        }
        let Some(here) = watch.upgrade() else { return };
        here.turn(None, false);
        drop(here);
        sleep(pause.mul_f64(1.0 - jitter() / 2.0)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        if !needed(watch).await {
            return;
        }
    }
}

/// Waits until the connection has ended. `false`: nobody needs one any more.
async fn listened(watch: &Weak<Watch>, opened: &Opened) -> bool {
    let mut pulse = Instant::now() + PULSE;
    loop {
        let over = timeout_at(pulse, opened.gone.notified()).await.is_ok();
        if over {
            return true;
        }
        if !needed(watch).await {
            return false;
        }
        // A refusal is an answer, too; and who is silent once is asked again at once.
        let _ = opened.channel.send(&cmd("PING")).await;
        if !opened.channel.is_sound() {
            return true;
        }
        pulse = Instant::now();
        if opened.channel.is_healthy() {
            pulse += PULSE;
        }
    }
}

/// Waits until there is a head to be told. `false`: there will be none.
async fn needed(watch: &Weak<Watch>) -> bool {
    loop {
        let Some(here) = watch.upgrade() else {
            return false;
        };
        let changed = here.changed.clone();
        let changed = changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if !here.state().heads.is_empty() {
            return true;
        }
        drop(here);
        changed.await;
    }
}

/// A connection that is told what is meant for its address, and of what it has looked at.
async fn open(
    watch: &Weak<Watch>,
    limit: Duration,
    connect: &Open,
) -> Option<Result<Opened, StoreError>> {
    let address = watch.upgrade()?.address.clone();
    let gone = Arc::new(Notify::new());
    let (ears, end) = (watch.clone(), gone.clone());
    let hear = move |push: PushInfo| {
        if push.kind == PushKind::Disconnection {
            end.notify_one();
        } else if let Some(here) = ears.upgrade() {
            here.hear(&push);
        }
    };
    let connected = connect(Box::new(hear)).await?;
    let opened = async {
        let connection = connected?;
        let mut subscriber = connection.clone();
        match timeout(limit, subscriber.subscribe(&*address)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(told(failure(&error), "SUBSCRIBE")),
            Err(_) => return Err(StoreError::silent(limit)),
        }
        let channel = Arc::new(Channel::new(connection, limit));
        // Those who pass a lock on are most often allowed what we are: who is told nothing has to look often.
        let mut publishing = cmd("PUBLISH");
        publishing.arg(&*address).arg("");
        let published = channel.send(&publishing).await;
        published.map_err(|failure| told(failure, "PUBLISH"))?;
        let mut tracking = cmd("CLIENT");
        tracking.arg("TRACKING").arg("ON");
        let tracks = match channel.send(&tracking).await {
            Ok(_) => true,
            Err(Failure::Broken(error) | Failure::Unsent(error)) => return Err(error),
            Err(_) => {
                fell_back(Fallback::Polling);
                false
            }
        };
        Ok(Opened {
            channel,
            tracks,
            gone,
        })
    };
    Some(opened.await)
}

#[cfg(test)]
mod tests;
