//! The names of arguments, and what is said of any other.

use crate::duration::unit_of;

pub(crate) const NAMES: [&str; 13] = [
    "key", "ttl", "wait", "renew", "min_hold", "on_lost", "release", "with", "fence", "guard",
    "or_else", "client", "crate",
];

/// What other locks call it, in lower case and without underscores; the argument here, and how to write it.
const WORDS: [(&[&str], &str, &str); 9] = [
    (
        &[
            "lease",
            "leasetime",
            "leasems",
            "expire",
            "expires",
            "expiry",
            "expiration",
            "expireafter",
            "expiresin",
            "ex",
            "px",
            "duration",
            "timetolive",
            "lockatmostfor",
            "locktimeout",
        ],
        "ttl",
        "how long the lock lasts is `ttl = 10` (seconds)",
    ),
    (
        &["timeout", "timeoutms"],
        "ttl",
        "how long the lock lasts is `ttl = 10` (seconds), how long to wait while it is busy `wait = \"2s\"`",
    ),
    (
        &[
            "waittime",
            "waittimeout",
            "waitfor",
            "maxwait",
            "blocking",
            "block",
            "blockingtimeout",
            "acquiretimeout",
        ],
        "wait",
        "how long to wait while the lock is busy is `wait = \"2s\"`",
    ),
    (
        &[
            "retry",
            "retries",
            "retrycount",
            "retrydelay",
            "retryinterval",
            "maxretries",
            "attempts",
            "tries",
        ],
        "wait",
        "a busy lock is waited for in line, not tried again: write how long, such as `wait = \"2s\"`",
    ),
    (
        &["name", "resource", "lock", "lockname", "lockkey", "id"],
        "key",
        "the lock is named by `key = \"order:<order_id>\"`",
    ),
    (
        &[
            "autorenew",
            "autoextend",
            "extend",
            "refresh",
            "heartbeat",
            "keepalive",
            "watchdog",
        ],
        "renew",
        "the lease is extended while the body runs with `renew` alone, or at most for `renew = \"2h\"`",
    ),
    (
        &["lockatleastfor"],
        "min_hold",
        "how long the key stays at least is `min_hold = \"30s\"`",
    ),
    (
        &["fencing", "fencingtoken", "token"],
        "fence",
        "a fencing token is drawn with `fence` alone",
    ),
    (
        &["skip", "skipifbusy", "onbusy", "onerror", "onfailure"],
        "or_else",
        "a failed lock is answered by `or_else = |error| …`, a busy one left out by `or_else = skip`",
    ),
];

/// What is said of `name`, and the argument that was meant, if that can be told.
pub(crate) fn unknown(name: &str) -> (String, Option<&'static str>) {
    let begins = format!("unknown argument `{name}`");
    let plain = name.replace('_', "").to_lowercase();
    let word = WORDS
        .iter()
        .find(|(words, ..)| words.contains(&plain.as_str()));
    if let Some((_, meant, instead)) = word {
        return (format!("{begins}: {instead}"), Some(meant));
    }
    if let Some((argument, length)) = with_unit(name) {
        let instead =
            format!("{begins}: a unit stands in the value, such as `{argument} = \"{length}\"`");
        return (instead, Some(argument));
    }
    if let Some(near) = near(name) {
        return (format!("{begins}, did you mean `{near}`?"), Some(near));
    }
    let all = NAMES.map(|name| format!("`{name}`")).join(", ");
    (format!("{begins}, expected one of {all}"), None)
}

/// The argument of a name that ends with a unit, and a value with that.
fn with_unit(name: &str) -> Option<(&'static str, &'static str)> {
    let (argument, unit) = name.rsplit_once('_')?;
    let length = match unit_of(unit)? {
        "ms" => "500ms",
        "s" => "10s",
        "m" => "5m",
        _ => "2h",
    };
    let takes_one = ["ttl", "wait", "renew", "min_hold"];
    let argument = takes_one.into_iter().find(|known| *known == argument)?;
    Some((argument, length))
}

/// The argument with few letters between it and `name`, or that `name` begins with.
fn near(name: &str) -> Option<&'static str> {
    let most = (name.chars().count() / 3).max(1);
    let letters = |argument: &&str| strsim::osa_distance(&name.to_lowercase(), argument);
    let nearest = NAMES.into_iter().min_by_key(letters);
    nearest.filter(|near| letters(near) <= most).or_else(|| {
        NAMES
            .into_iter()
            .find(|argument| name.split('_').next() == Some(argument))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_locks_are_told_what_they_are_here() {
        for (word, meant) in [
            ("lease", "ttl"),
            ("lease_time", "ttl"),
            ("leaseTime", "ttl"),
            ("expire", "ttl"),
            ("expiry", "ttl"),
            ("expires", "ttl"),
            ("timeout", "ttl"),
            ("wait_time", "wait"),
            ("blocking", "wait"),
            ("retry", "wait"),
            ("retries", "wait"),
            ("name", "key"),
            ("resource", "key"),
            ("auto_renew", "renew"),
            ("on_busy", "or_else"),
        ] {
            let (message, argument) = unknown(word);
            assert_eq!(argument, Some(meant), "{message}");
            assert!(!message.contains("did you mean"), "{message}");
            assert!(message.contains(&format!("`{meant}")), "{message}");
        }
        assert!(unknown("timeout").0.contains("`wait ="));
    }

    #[test]
    fn a_unit_belongs_into_the_value() {
        for (written, instead) in [
            ("ttl_ms", "`ttl = \"500ms\"`"),
            ("wait_secs", "`wait = \"10s\"`"),
            ("min_hold_minutes", "`min_hold = \"5m\"`"),
        ] {
            let (message, _) = unknown(written);
            assert!(message.ends_with(instead), "{message}");
        }
    }

    #[test]
    fn only_what_is_near_is_guessed() {
        for (written, meant) in [
            ("tll", "ttl"),
            ("Key", "key"),
            ("kye", "key"),
            ("await", "wait"),
            ("minhold", "min_hold"),
            ("orElse", "or_else"),
            ("renewal", "renew"),
            ("ttl_of", "ttl"),
            ("create", "crate"),
        ] {
            assert_eq!(unknown(written).1, Some(meant), "{written}");
        }
        for far in ["foo", "mode", "redis", "leader", "priority", "ключ", "_"] {
            let (message, meant) = unknown(far);
            assert_eq!(meant, None, "{message}");
            assert!(message.contains("expected one of"), "{message}");
        }
    }

    #[test]
    fn no_word_is_an_argument_or_stands_twice() {
        let mut seen = Vec::new();
        for (words, meant, _) in WORDS {
            assert!(NAMES.contains(&meant));
            for word in words {
                assert!(!NAMES.contains(word) && !seen.contains(word), "{word}");
                seen.push(word);
            }
        }
    }
}
