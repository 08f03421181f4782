//! What can be asked of the program.

use std::net::SocketAddr;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::help;
use crate::pattern::Pattern;
use crate::trouble::EXIT_CODES;

/// Shows who holds which lock of lock-runtime, finds leaked locks, and releases one by its token.
///
/// Nothing is written but by `release`. Keys are found by SCAN, in steps, never by KEYS. Values of other
/// programs under the prefix are listed as foreign. Keys and tokens are printed escaped, and taken so.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the locks are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where the locks are")]
pub(crate) struct Place {
    /// The server: `redis://[user:password@]host[:port][/database]`. A password is better kept in the
    /// environment, where `ps` does not show it
    #[arg(
        long,
        global = true,
        env = "REDIS_URL",
        hide_env_values = true,
        default_value = "redis://127.0.0.1:6379"
    )]
    pub(crate) url: String,
    /// What the client's keys begin with on the server
    #[arg(long, global = true, default_value = "lock:")]
    pub(crate) prefix: String,
    /// How long to wait for the server, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) timeout: Duration,
    /// Keys that the server looks at in one step of the search
    #[arg(long, global = true, value_name = "KEYS", default_value_t = 1000,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) step: u32,
    /// List so many keys of other programs at most, and count the rest; leaks are listed beside them
    #[arg(long, global = true, value_name = "KEYS", default_value_t = 1000)]
    pub(crate) foreign: usize,
    /// The authority to trust behind rediss://, in PEM, instead of the system's
    #[cfg(feature = "tls")]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) root_certificate: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// All locks: key, holder, age, what is left, renewing or not
    #[command(after_help = help::list(), after_long_help = help::long(&help::list()))]
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        form: Form,
    },
    /// One lock: its token, its fence, and who waits in line
    #[command(after_help = help::show(), after_long_help = help::long(&help::show()))]
    Show {
        /// The lock's key, without the prefix, as `list` prints it
        key: String,
        #[command(flatten)]
        form: Form,
    },
    /// All locks, again and again, until Ctrl-C
    #[command(after_help = help::watch(), after_long_help = help::long(&help::watch()))]
    Watch {
        #[command(flatten)]
        which: Which,
        /// The time between two looks, in seconds
        #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
        every: Duration,
        /// End after so many looks, as the last of them did: if it failed, with its exit code
        #[arg(long, value_name = "LOOKS")]
        times: Option<u64>,
        /// One line of JSON a look
        #[arg(long, action = ArgAction::SetTrue)]
        json: bool,
    },
    /// Locks that stay: without an expiry, or past their longest hold
    ///
    /// A lock without an expiry stays until somebody deletes it: other libraries leave such ones behind
    /// when they die between SETNX and EXPIRE. One of this library that renews is a leak if it is older
    /// than its longest hold and its ttl, or if somebody gave it a later end than its ttl.
    #[command(after_help = help::leaks(), after_long_help = help::long(&help::leaks()))]
    Leaks {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        form: Form,
    },
    /// Releases a lock if it still holds this token
    ///
    /// Compares and deletes in one step on the server, so that a lock which went to somebody else
    /// meanwhile stays. Whoever waits for it takes it then.
    #[command(after_help = "Exits with 1 if nothing was released.")]
    Release {
        /// The lock's key, without the prefix, as `list` prints it
        key: String,
        /// The value at the key, as `show` prints it; quote it, for it holds `|`
        #[arg(long, allow_hyphen_values = true, conflicts_with_all = ["force", "yes"])]
        token: Option<String>,
        /// Release whatever is there now: shows its holder, says what it risks, and asks
        #[arg(long, action = ArgAction::SetTrue)]
        force: bool,
        /// With --force, do not ask
        #[arg(long, action = ArgAction::SetTrue, requires = "force")]
        yes: bool,
    },
    /// The list as a page that keeps itself fresh, and as /locks.json; nothing can be released there
    #[command(after_help = help::serve(), after_long_help = help::long(&help::serve()))]
    Serve {
        /// Where to listen. Beyond loopback, everybody who gets there sees keys and holders
        #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:7390")]
        listen: SocketAddr,
        /// The shortest time between two looks at the server, however many watch, in seconds
        #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
        every: Duration,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Which {
    /// Only keys that contain this, or match it if it has a `*`, `?` or `[…]`; without the prefix
    #[arg(value_name = "PATTERN", value_parser = Pattern::parse)]
    pattern: Option<Pattern>,
}

impl Which {
    pub(crate) fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Form {
    /// As JSON, with everything that is known
    #[arg(long, action = ArgAction::SetTrue)]
    pub(crate) json: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "write seconds, such as 2 or 0.5".to_owned())?;
    if (0.05..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("between 0.05 and 3600 seconds".to_owned())
    }
}

/// The text without the URLs in it, of which any part may be a password: a URL in the wrong place is repeated
/// by what complains about it.
pub(crate) fn without_passwords(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        told.push_str(before);
        told.push_str("://…");
        // A password may hold a space that the shell was told to keep.
        let end = after.find(['\n', '\'']).unwrap_or(after.len());
        rest = &after[end..];
    }
    told.push_str(rest);
    told
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_password_is_left_out() {
        let told =
            without_passwords("unexpected argument 'redis://me:se@cret@host:1/2' found, see");
        assert_eq!(told, "unexpected argument 'redis://…' found, see");
        let told = without_passwords("'unix:///a?pass=secret' and\n'redis://me:secret");
        assert_eq!(told, "'unix://…' and\n'redis://…");
        assert_eq!(without_passwords("a: /b"), "a: /b");
    }

    #[test]
    fn seconds_are_bounded() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["", "0", "-1", "NaN", "inf", "1e9", "2s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
