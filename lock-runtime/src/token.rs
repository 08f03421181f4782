//! The unique value stored at a lock key, and what it tells a person about its owner.

use std::fmt::{self, Write as _};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;
use uuid::fmt::Simple;

use crate::chance::{self, identity, wall_clock};
use crate::percent;

const HOST_BYTES: usize = 60;
const FUNCTION_BYTES: usize = 80;

/// Room for a token with names of usual length.
const USUAL_BYTES: usize = 160;

/// The value one acquisition stores at its key: a v4 UUID and a label for people.
///
/// Fresh for every acquisition. Ownership is decided by comparing the whole value, never by
/// reading the label. See [`Holder`] for an example.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LockToken(Arc<str>);

impl LockToken {
    /// A fresh token. `function`, `ttl` and `hold` (longest hold, zero without renewal) only
    /// show up in the label.
    #[must_use]
    pub fn new(function: &str, ttl: Duration, hold: Duration) -> Self {
        Self::labelled(&here().host, chance::process(), function, ttl, hold)
    }

    /// The token of a process on another host.
    #[cfg(feature = "testing")]
    pub(crate) fn elsewhere(host: &str, ttl: Duration) -> Self {
        let host = label_tail(host, HOST_BYTES);
        Self::labelled(&host, 1, "another", ttl, Duration::ZERO)
    }

    fn labelled(host: &str, pid: u32, function: &str, ttl: Duration, hold: Duration) -> Self {
        let mut token = String::with_capacity(USUAL_BYTES);
        let mut id = [0; Simple::LENGTH];
        token.push_str(identity().simple().encode_lower(&mut id));
        token.push('|');
        token.push_str(host);
        push_number(&mut token, pid.into());
        token.push('|');
        push_label_tail(&mut token, function, FUNCTION_BYTES);
        for number in [wall_clock(), millis(ttl), millis(hold)] {
            push_number(&mut token, number);
        }
        Self(token.into())
    }

    /// The value as it stands at the key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for LockToken {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LockToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockToken({})", self.0)
    }
}

/// What labels of this process have in common.
struct Here {
    host: String,
    /// Before its first token: one that was started again may have the host and the number of the one before.
    since: Duration,
}

fn here() -> &'static Here {
    static HERE: OnceLock<Here> = OnceLock::new();
    HERE.get_or_init(|| Here {
        host: label_tail(&chance::host(), HOST_BYTES),
        since: Duration::from_millis(millis(now())),
    })
}

fn now() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

/// Short numbers are quicker to print.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn push_number(label: &mut String, number: u64) {
    label.push('|');
    label.push_str(itoa::Buffer::new().format(number));
}

fn label_tail(text: &str, limit: usize) -> String {
    let mut label = String::new();
    push_label_tail(&mut label, text, limit);
    label
}

/// The escaped text, cut from the front to `limit` bytes: the end of a path is what tells.
fn push_label_tail(label: &mut String, text: &str, limit: usize) {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'|');
    if text.len() <= limit && text.bytes().all(plain) {
        label.push_str(text);
        return;
    }
    let special = |c: char| matches!(c, '%' | '|') || c.is_control() || c.is_whitespace();
    let mut length = 0;
    let tail = text.char_indices().rev().take_while(|(_, c)| {
        length += percent::length(*c, special(*c));
        length <= limit
    });
    let start = tail.last().map_or(text.len(), |(at, _)| at);
    for c in text[start..].chars() {
        percent::push(label, c, special(c));
    }
}

/// What stands at a key that we do not own, told as well as its value allows.
///
/// For people only: a value written by a stranger is shown as it is, and nothing is decided by
/// what a label says. How long ago it was taken is counted when the text is made, here and in the messages of
/// errors, not when the lock was asked for; between two machines it is as right as their clocks.
///
/// ```
/// use std::time::Duration;
/// use lock_runtime::{Holder, LockToken};
///
/// let ttl = Duration::from_secs(10);
/// let token = LockToken::new("place_order", ttl, Duration::ZERO);
/// let Holder::Owner(owner) = Holder::parse(token.as_str().as_bytes()) else { panic!() };
/// assert_eq!((owner.function.as_str(), owner.pid, owner.ttl), ("place_order", std::process::id(), ttl));
///
/// let stranger = Holder::parse(b"1");
/// assert_eq!(stranger.to_string(), "unknown, the key holds \"1\"");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Holder {
    /// A token of this library.
    Owner(Box<Owner>),
    /// Another program's value: its first bytes, escaped.
    Foreign(String),
    /// The key holds no string at all (a list, a hash …): nobody's lock, and never deleted.
    NotALock,
}

/// The label of a token: see [`Holder`] for an example.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Owner {
    /// Name of the machine, escaped.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// The function that took the lock, escaped.
    pub function: String,
    /// When it was taken by the owner's wall clock, since the Unix epoch.
    pub taken: Duration,
    /// Time to live it asked for.
    pub ttl: Duration,
    /// Longest hold it may renew to; zero without renewal.
    pub longest_hold: Duration,
}

impl Holder {
    pub(crate) fn of(token: &LockToken) -> Self {
        Self::parse(token.as_str().as_bytes())
    }

    /// Reads whatever stands at a key.
    #[must_use]
    pub fn parse(value: &[u8]) -> Self {
        std::str::from_utf8(value)
            .ok()
            .and_then(Owner::parse)
            .map_or_else(
                || Self::Foreign(preview(value)),
                |owner| Self::Owner(Box::new(owner)),
            )
    }
}

impl Holder {
    /// How long it may go on holding the lock, by its label and the wall clocks of two machines: a hint
    /// for those who are refused. `None` where the value tells nothing.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let Self::Owner(owner) = self else {
            return None;
        };
        let age = Duration::from_millis(wall_clock()).saturating_sub(owner.taken);
        let longest = owner.longest_hold.max(owner.ttl);
        // Whoever renews has a lease of up to a whole ttl at any time.
        Some(longest.saturating_sub(age).min(owner.ttl))
    }

    /// Whether this process took it, by its label: another on a host of the same name may have the same number.
    pub(crate) fn is_here(&self) -> bool {
        let Self::Owner(owner) = self else {
            return false;
        };
        let here = here();
        owner.pid == chance::process() && owner.host == here.host && owner.taken >= here.since
    }
}

impl Owner {
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split('|').collect();
        let [id, host, pid, function, taken, ttl, hold] = fields.as_slice() else {
            return None;
        };
        Uuid::try_parse(id).ok()?;
        if host.len() > HOST_BYTES
            || function.len() > FUNCTION_BYTES
            || text.chars().any(char::is_control)
        {
            return None;
        }
        let millis = |text: &str| text.parse().ok().map(Duration::from_millis);
        Some(Self {
            host: (*host).to_owned(),
            pid: pid.parse().ok()?,
            function: (*function).to_owned(),
            taken: millis(taken)?,
            ttl: millis(ttl)?,
            longest_hold: millis(hold)?,
        })
    }
}

fn preview(value: &[u8]) -> String {
    let mut text = String::new();
    for byte in value.iter().take(40) {
        let _ = write!(text, "{}", byte.escape_ascii());
    }
    if value.len() > 40 {
        text.push('…');
    }
    text
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotALock => f.write_str("not a lock (the key holds another type)"),
            Self::Foreign(value) => write!(f, "unknown, the key holds \"{value}\""),
            Self::Owner(owner) => {
                write!(f, "{} on {} pid {}", owner.function, owner.host, owner.pid)?;
                if let Some(age) = now().checked_sub(owner.taken) {
                    // Milliseconds, as in the label.
                    let age = Duration::from_millis(u64::try_from(age.as_millis()).unwrap_or(0));
                    write!(f, ", taken {age:?} ago")?;
                }
                write!(f, " for {:?}", owner.ttl)?;
                if !owner.longest_hold.is_zero() {
                    write!(f, ", renewed up to {:?}", owner.longest_hold)?;
                }
                Ok(())
            }
        }
    }
}

/// The answer of GET-and-compare, by [`LockGuard::check`](crate::LockGuard::check) and
/// [`LockClient::check`](crate::LockClient::check).
///
/// ```
/// # use lock_runtime::{LockClient, LockError, MemoryStore, Ownership};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), LockError> {
/// # let store = MemoryStore::new();
/// # let guard = LockClient::builder().store(store.clone())?.lock("order:42").acquire().await?;
/// # store.remove("lock:order:42");
/// match guard.check().await? {
///     Ownership::Mine => println!("ours"),
///     Ownership::Other(holder) => println!("stolen by {holder}"),
///     Ownership::Free => println!("deleted by somebody"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "anything but `Mine` means that the lock is lost"]
pub enum Ownership {
    /// The key holds our token.
    Mine,
    /// The key holds something else.
    Other(Holder),
    /// There is no such key. Not final while a command of ours may still be on its way.
    Free,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_read_back_and_stays_within_200_bytes() {
        let long = format!("{}\u{1}|%::place order", "é".repeat(200));
        let token = LockToken::new(&long, Duration::from_hours(24), Duration::from_hours(24));
        let label = token.as_str().split_once('|').expect("a label").1;
        assert!(label.len() <= 200, "{} bytes", label.len());
        let Holder::Owner(owner) = Holder::parse(token.as_str().as_bytes()) else {
            panic!("not parsed: {token:?}");
        };
        assert_eq!(owner.pid, std::process::id());
        assert!(
            owner.function.ends_with("%01%7C%25::place%20order"),
            "{}",
            owner.function
        );
        assert_eq!(owner.ttl, Duration::from_hours(24));
    }

    #[test]
    fn a_strangers_value_is_shown_escaped() {
        for value in [
            &b""[..],
            b"1",
            b"\xff\x00\n",
            b"a|b|c|d|e|f|g",
            &[b'x'; 4096],
        ] {
            let Holder::Foreign(text) = Holder::parse(value) else {
                panic!("{value:?}");
            };
            assert!(text.len() < 200 && !text.chars().any(char::is_control));
        }
    }

    #[cfg(feature = "testing")]
    #[test]
    fn a_simulated_token_tells_no_process() {
        let token = || {
            crate::chance::seed(Some(7));
            LockToken::new("f", Duration::from_secs(1), Duration::ZERO)
        };
        let (first, second) = (token(), token());
        crate::chance::seed(None);
        assert_eq!(first, second);
        assert_eq!(first.as_str().split('|').nth(2), Some("1"));
    }

    #[test]
    fn a_process_knows_its_own_and_not_those_of_the_one_before() {
        let token = LockToken::new("f", Duration::from_secs(1), Duration::ZERO);
        let holder = Holder::of(&token);
        assert!(holder.is_here());
        let Holder::Owner(owner) = holder else {
            panic!("not parsed: {token:?}");
        };
        let with = |change: fn(&mut Owner)| {
            let mut owner = owner.clone();
            change(&mut owner);
            Holder::Owner(owner).is_here()
        };
        assert!(!with(|owner| owner.pid += 1));
        assert!(!with(|owner| owner.host.push('x')));
        // The same name and number, as of a container that was started again.
        assert!(!with(|owner| owner.taken -= Duration::from_hours(1)));
        assert!(!Holder::parse(b"1").is_here() && !Holder::NotALock.is_here());
    }

    #[test]
    fn two_tokens_differ() {
        let token = || LockToken::new("f", Duration::from_secs(1), Duration::ZERO);
        assert_ne!(token(), token());
    }
}
