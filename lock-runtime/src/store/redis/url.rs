//! What is wrong with a URL that cannot be read. Said without a word of it, for any part may be a password.

use std::net::Ipv6Addr;

use crate::error::LockError;

const SCHEMES: [&str; 7] = [
    "redis",
    "rediss",
    "valkey",
    "valkeys",
    "unix",
    "redis+unix",
    "valkey+unix",
];

/// Whether it asks for encryption. `lock-inspect` has the same rule.
pub(super) fn is_encrypted(url: &str) -> bool {
    let (scheme, _) = url.trim().split_once(':').unwrap_or_default();
    ["rediss", "valkeys"]
        .iter()
        .any(|encrypted| scheme.eq_ignore_ascii_case(encrypted))
}

/// Whether a `/`, `?` or `#` in its user or password ends that part early: what is before it would be taken for
/// host and port, and told in errors. `lock-inspect` has the same rule in `server.rs`: change both.
pub(super) fn ends_early(url: &str) -> bool {
    let (scheme, rest) = url.trim().split_once("://").unwrap_or_default();
    let (_, behind) = split(rest);
    !scheme.to_ascii_lowercase().ends_with("unix") && behind.contains('@')
}

/// What names the server and its user, and what is behind.
fn split(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

/// The error for a URL of which the redis crate can make nothing.
pub(super) fn unreadable(url: &str) -> LockError {
    LockError::options(format!(
        "the Redis URL cannot be read: {}; write `redis://[user:password@]host[:port][/database]`, \
         with special characters in the password as %XX",
        fault(url.trim())
    ))
}

fn fault(url: &str) -> &'static str {
    if url.is_empty() {
        return "it is empty";
    }
    let Some((scheme, rest)) = url.split_once(':') else {
        return "it does not begin with `redis://`";
    };
    if !SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) {
        return if rest.starts_with("//") {
            "its scheme is none of `redis`, `rediss` (TLS), `valkey`, `valkeys` and `unix`"
        } else {
            "it does not begin with `redis://`"
        };
    }
    if scheme.to_ascii_lowercase().ends_with("unix") {
        return "a socket's path is written `unix:///path`, its database `?db=1`";
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return "there is no `//` behind its scheme";
    };
    if ends_early(url) {
        return "its user or password holds a `/`, `?` or `#`, which are written `%2F`, `%3F` and `%23`";
    }
    let (authority, behind) = split(rest);
    let (_, server) = authority.rsplit_once('@').unwrap_or(("", authority));
    server_fault(server)
        .or_else(|| behind_fault(behind, is_encrypted(url)))
        .unwrap_or("a part of it is not understood, perhaps a %XX that is no UTF-8")
}

/// Of `host:port`.
fn server_fault(server: &str) -> Option<&'static str> {
    if server.contains(',') {
        return Some("it names several servers, and takes one");
    }
    let (host, port) = if let Some(inside) = server.strip_prefix('[') {
        let Some((host, behind)) = inside.split_once(']') else {
            return Some("the `[` of its host has no `]`");
        };
        if host.parse::<Ipv6Addr>().is_err() {
            return Some("in the brackets of its host stands no IPv6 address");
        }
        (host, behind.strip_prefix(':').unwrap_or(behind))
    } else {
        if server.matches(':').count() > 1 {
            return Some("an IPv6 address stands in brackets, as in `redis://[::1]:6379`");
        }
        let (host, port) = server.split_once(':').unwrap_or((server, ""));
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !host.chars().all(plain) {
            return Some("its host has characters that no host has");
        }
        (host, port)
    };
    if host.is_empty() {
        return Some("it names no host");
    }
    if !port.is_empty() && port.parse::<u16>().is_err() {
        return Some("its port is no number from 0 to 65535");
    }
    let listens = host == "0.0.0.0" || host == "::";
    listens.then_some("0.0.0.0 and :: are where a server listens, name an address to reach it at")
}

/// Of what stands behind the port.
fn behind_fault(behind: &str, is_encrypted: bool) -> Option<&'static str> {
    let (path, fragment) = behind.split_once('#').unwrap_or((behind, "insecure"));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let database = path.trim_matches('/');
    if !database.is_empty() && database.parse::<i64>().is_err() {
        return Some("what stands behind the `/` is no database number");
    }
    // Without TLS nobody looks at it.
    if is_encrypted && fragment != "insecure" {
        return Some("the only word behind a `#` is `insecure`");
    }
    let mut protocols = query
        .split('&')
        .filter_map(|part| part.strip_prefix("protocol="));
    protocols
        .any(|protocol| !["2", "resp2", "3", "resp3"].contains(&protocol))
        .then_some("its `protocol` is neither `resp2` nor `resp3`")
}

#[cfg(test)]
mod tests {
    use redis::IntoConnectionInfo;

    use super::*;

    const SECRET: &str = "hunter2";

    #[test]
    fn what_is_wrong_is_named_and_nothing_repeated() {
        for (url, named) in [
            ("", "empty"),
            ("127.0.0.1:6379", "does not begin"),
            ("localhost", "does not begin"),
            ("hunter2@localhost:6379", "does not begin"),
            ("http://:hunter2@localhost", "scheme"),
            ("hunter2://localhost", "scheme"),
            ("unix:", "unix:///path"),
            ("redis://", "no host"),
            ("redis://:hunter2@", "no host"),
            ("redis://:hunter2@:6379", "no host"),
            ("redis://:hunter2@localhost:port", "port"),
            ("redis://:hunter2@localhost:65536", "port"),
            ("redis://localhost:6379:hunter2", "brackets"),
            ("redis://:hunter2@::1:6379", "brackets"),
            ("redis://:hunter2@[::1", "no `]`"),
            ("redis://:hunter2@[local]:6379", "no IPv6"),
            ("redis://:hunter2@a:6379,b:6379", "several"),
            ("redis://:hunter2@0.0.0.0:6379", "0.0.0.0"),
            ("redis://:hunter2@local host:6379", "characters"),
            ("redis://:hunter2@<host>:6379", "characters"),
            ("redis://:hunter2@localhost/first", "database"),
            ("redis://:hun/ter2@localhost", "%2F"),
            ("redis://:hun#ter2@localhost", "%2F"),
            ("redis://:hunter2?@localhost", "%2F"),
            ("redis://hunter2#@localhost", "%2F"),
            ("redis://user:6379#hunter2@localhost", "%2F"),
            ("redis://me:hun@ter2/word@localhost", "%2F"),
            ("redis://me:hun@ter2?word@localhost", "%2F"),
            ("redis://me:hun@ter2#word@localhost", "%2F"),
            ("redis://:hunter2%ff@localhost", "UTF-8"),
            ("redis://:hunter2%ff@localhost?protocol=resp3", "UTF-8"),
            ("redis://:hunter2%ff@localhost/1#x", "UTF-8"),
            ("rediss://:hunter2@localhost#x", "insecure"),
            ("redis://:hunter2@localhost?protocol=4", "protocol"),
        ] {
            let refused = ends_early(url) || url.into_connection_info().is_err();
            assert!(refused, "{url} can be read");
            let told = unreadable(url).to_string();
            assert!(told.contains("the Redis URL cannot be read: "), "{told}");
            let fault = fault(url);
            assert!(fault.contains(named), "{url}: {fault}");
            assert!(!told.contains(SECRET) && !told.contains("ter2"), "{told}");
        }
    }

    #[test]
    fn what_can_be_read_is_left_alone() {
        for url in [
            "redis://localhost",
            "redis://user:pass@word@localhost:6379/0",
            "redis://:hun%2Fter%40@localhost/3?protocol=resp3",
            "redis://[::1]:6379",
            "redis://localhost/1#x",
            "unix:///run/redis@1/redis.sock?db=2",
            "redis+unix:///run/redis@1/redis.sock",
        ] {
            assert!(
                !ends_early(url) && url.into_connection_info().is_ok(),
                "{url}"
            );
        }
    }

    #[test]
    fn encryption_is_seen_in_the_scheme() {
        for (url, encrypted) in [
            ("rediss://a", true),
            ("REDISS://a", true),
            ("valkeys://a", true),
            ("redis://a", false),
            ("rediss", false),
        ] {
            assert_eq!(is_encrypted(url), encrypted, "{url}");
        }
    }
}
