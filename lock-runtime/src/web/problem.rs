//! The table: what each error is over HTTP and gRPC.

use std::fmt::Write as _;

use crate::error::{LockError, StoreError, StoreErrorKind};
use crate::token::Holder;

/// A failed lock as a client of a web service is told of it.
///
/// | [`LockError`] | HTTP status | gRPC code | `type` | `Retry-After` |
/// | --- | --- | --- | --- | --- |
/// | `Busy` | 409 Conflict | 10 `ABORTED` | `urn:lock-runtime:busy` | the holder's remaining time |
/// | `WaitTimeout` | 409 Conflict | 10 `ABORTED` | `urn:lock-runtime:wait-timeout` | the holder's remaining time |
/// | `TooManyWaiters` | 429 Too Many Requests | 8 `RESOURCE_EXHAUSTED` | `urn:lock-runtime:too-many-waiters` | 1 |
/// | `Lost` | 500 Internal Server Error | 13 `INTERNAL` | `urn:lock-runtime:lost` | |
/// | `Indeterminate` | 503 Service Unavailable | 14 `UNAVAILABLE` | `urn:lock-runtime:indeterminate` | 1 |
/// | `Backend` | 503 Service Unavailable | 14 `UNAVAILABLE` | `urn:lock-runtime:backend` | 1, none if the server refuses for good |
/// | `ShutDown` | 503 Service Unavailable | 14 `UNAVAILABLE` | `urn:lock-runtime:shut-down` | 1 |
/// | `InvalidKey` | 400 Bad Request | 3 `INVALID_ARGUMENT` | `urn:lock-runtime:invalid-key` | |
/// | `WouldDeadlock` | 500 Internal Server Error | 13 `INTERNAL` | `urn:lock-runtime:would-deadlock` | |
/// | `NotInstalled` | 500 Internal Server Error | 13 `INTERNAL` | `urn:lock-runtime:not-installed` | |
/// | `InvalidOptions` | 500 Internal Server Error | 13 `INTERNAL` | `urn:lock-runtime:invalid-options` | |
///
/// `Lost` alone says that the work was begun: no status that invites a client to repeat it by itself. The
/// others mean that it was not, unless the error came out of the work, by `?` from a
/// [`LockGuard`](crate::LockGuard) or from another annotated call. 409 and not 423, which belongs to
/// `WebDAV`'s own locks.
///
/// The holder's remaining time is a hint: what its label says it has left at most by the two machines' wall
/// clocks (for one that renews, up to a whole ttl), in whole seconds, rounded up, at least 1. It is 1 where
/// the holder is not known.
///
/// What is told is the same for every lock: neither its key, which may hold what a user entered, nor the
/// holder, its host or its token. The error itself says these, and is for the log.
///
/// ```
/// use lock_runtime::{LockClient, LockError, web::Problem};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), LockError> {
/// let client = LockClient::in_memory();
/// let held = client.lock("order:42").acquire().await?;
/// let error = client.lock("order:42").acquire().await.expect_err("it is held");
///
/// let problem = Problem::of(&error);
/// assert_eq!(problem.status(), 409);
/// assert_eq!(problem.grpc_code(), 10);
/// assert_eq!(problem.type_uri(), "urn:lock-runtime:busy");
/// println!("{}: {} ({})", problem.title(), problem.detail(), Problem::CONTENT_TYPE);
/// assert!(problem.retry_after().is_some_and(|seconds| seconds >= 1));
/// assert!(problem.to_json().starts_with(r#"{"type":"urn:lock-runtime:busy","title":"#));
/// # held.release().await.map(drop)
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    kind: Kind,
    retry_after: Option<u64>,
}

/// A row of the table. Its texts need no escape in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    type_uri: &'static str,
    status: u16,
    grpc: i32,
    title: &'static str,
    detail: &'static str,
}

const BUSY: Kind = Kind {
    type_uri: "urn:lock-runtime:busy",
    status: 409,
    grpc: 10,
    title: "Busy",
    detail: "Somebody else is at work on this right now. Nothing was done; try again later.",
};

const WAIT_TIMEOUT: Kind = Kind {
    type_uri: "urn:lock-runtime:wait-timeout",
    title: "Busy for too long",
    detail: "Somebody else was at work on this for as long as the request could wait. Nothing was \
             done; try again later.",
    ..BUSY
};

const TOO_MANY_WAITERS: Kind = Kind {
    type_uri: "urn:lock-runtime:too-many-waiters",
    status: 429,
    grpc: 8,
    title: "Too many wait",
    detail: "Too many requests wait already. Nothing was done; try again later.",
};

const LOST: Kind = Kind {
    type_uri: "urn:lock-runtime:lost",
    status: 500,
    grpc: 13,
    title: "Lock lost",
    detail: "The work was begun, but its lock was lost before the end. See what has been done before \
             you repeat it.",
};

const INDETERMINATE: Kind = Kind {
    type_uri: "urn:lock-runtime:indeterminate",
    title: "No answer",
    detail: "The lock was asked for, and no answer came. Nothing was done; try again later.",
    ..BACKEND
};

const BACKEND: Kind = Kind {
    type_uri: "urn:lock-runtime:backend",
    status: 503,
    grpc: 14,
    title: "Locks unavailable",
    detail: "The service cannot reach its locks at the moment. Try again later.",
};

const SHUT_DOWN: Kind = Kind {
    type_uri: "urn:lock-runtime:shut-down",
    title: "Shutting down",
    detail: "This instance is shutting down. Nothing was done; try again.",
    ..BACKEND
};

const INVALID_KEY: Kind = Kind {
    type_uri: "urn:lock-runtime:invalid-key",
    status: 400,
    grpc: 3,
    title: "Invalid value",
    detail: "A value of the request that says what to work on is empty, too long or reserved.",
};

const WOULD_DEADLOCK: Kind = Kind {
    type_uri: "urn:lock-runtime:would-deadlock",
    ..MISTAKE
};

const NOT_INSTALLED: Kind = Kind {
    type_uri: "urn:lock-runtime:not-installed",
    ..MISTAKE
};

const INVALID_OPTIONS: Kind = Kind {
    type_uri: "urn:lock-runtime:invalid-options",
    ..MISTAKE
};

/// The service's own, of which its client can only be told that there is one.
const MISTAKE: Kind = Kind {
    type_uri: "about:blank",
    status: 500,
    grpc: 13,
    title: "Internal error",
    detail: "The service uses its locks wrongly. It is not for you to mend.",
};

/// For what may be over at any moment.
const SOON: Option<u64> = Some(1);

impl Problem {
    /// The media type of [`Problem::to_json`], that of
    /// [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457).
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    /// Looks the error up in the table.
    #[must_use]
    pub fn of(error: &LockError) -> Self {
        let (kind, retry_after) = match error {
            LockError::Busy { holder, .. } => (BUSY, remaining(holder.as_ref())),
            LockError::WaitTimeout { holder, .. } => (WAIT_TIMEOUT, remaining(holder.as_ref())),
            LockError::TooManyWaiters { .. } => (TOO_MANY_WAITERS, SOON),
            LockError::Lost { .. } => (LOST, None),
            LockError::Indeterminate { .. } => (INDETERMINATE, SOON),
            LockError::Backend { cause, .. } => (BACKEND, again(cause)),
            LockError::ShutDown { .. } => (SHUT_DOWN, SOON),
            LockError::InvalidKey { .. } => (INVALID_KEY, None),
            LockError::WouldDeadlock { .. } => (WOULD_DEADLOCK, None),
            LockError::NotInstalled { .. } => (NOT_INSTALLED, None),
            LockError::InvalidOptions { .. } => (INVALID_OPTIONS, None),
        };
        Self { kind, retry_after }
    }

    /// Looks it up for an answer, and logs what the answer does not say: as an error where the service
    /// fails.
    #[cfg(any(feature = "actix", feature = "axum", feature = "tonic"))]
    pub(super) fn answer(error: &LockError) -> Self {
        let problem = Self::of(error);
        let status = problem.status();
        if status >= 500 {
            tracing::error!(error = %error, status, "a request failed by its lock");
        } else {
            tracing::debug!(error = %error, status, "a request was refused by its lock");
        }
        problem
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.kind.status
    }

    /// The gRPC code, as `tonic::Code::from_i32` takes it.
    #[must_use]
    pub const fn grpc_code(&self) -> i32 {
        self.kind.grpc
    }

    /// The problem's `type`: what a program tells one from another by.
    #[must_use]
    pub const fn type_uri(&self) -> &'static str {
        self.kind.type_uri
    }

    /// The problem's `title`: a few words that are always the same for its type.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        self.kind.title
    }

    /// The problem's `detail`: what a person should know.
    #[must_use]
    pub const fn detail(&self) -> &'static str {
        self.kind.detail
    }

    /// The value of the header `Retry-After`, in seconds; `None` where trying again is not advised.
    #[must_use]
    pub const fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// The body of [`Problem::CONTENT_TYPE`], with the members `type`, `title`, `status`, `detail` and,
    /// where there is one, `retry_after`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Kind {
            type_uri,
            status,
            title,
            detail,
            ..
        } = self.kind;
        let mut json = format!(
            r#"{{"type":"{type_uri}","title":"{title}","status":{status},"detail":"{detail}""#
        );
        if let Some(seconds) = self.retry_after {
            // Writing to a string cannot fail.
            let _ = write!(json, r#","retry_after":{seconds}"#);
        }
        json.push('}');
        json
    }
}

fn remaining(holder: Option<&Holder>) -> Option<u64> {
    holder.and_then(Holder::remaining).map_or(SOON, |left| {
        let whole = left.as_millis().div_ceil(1_000).max(1);
        u64::try_from(whole).ok()
    })
}

/// Only where the same may go well the next time.
fn again(cause: &StoreError) -> Option<u64> {
    match cause.kind() {
        StoreErrorKind::Refused => None,
        StoreErrorKind::Timeout
        | StoreErrorKind::Disconnected
        | StoreErrorKind::Unreachable
        | StoreErrorKind::Unavailable
        | StoreErrorKind::Unreplicated => SOON,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::token::LockToken;

    fn busy(holder: Option<Holder>) -> Problem {
        let key = "lock:secret\"\n".to_owned();
        Problem::of(&LockError::Busy { key, holder })
    }

    fn holder(ttl: Duration, hold: Duration) -> Holder {
        Holder::parse(LockToken::new("f", ttl, hold).as_str().as_bytes())
    }

    #[test]
    fn no_text_needs_an_escape() {
        for kind in [
            BUSY,
            WAIT_TIMEOUT,
            TOO_MANY_WAITERS,
            LOST,
            INDETERMINATE,
            BACKEND,
            SHUT_DOWN,
            INVALID_KEY,
            WOULD_DEADLOCK,
            NOT_INSTALLED,
            INVALID_OPTIONS,
        ] {
            for text in [kind.type_uri, kind.title, kind.detail] {
                let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
                assert!(!text.is_empty() && text.chars().all(plain), "{text}");
            }
        }
    }

    #[test]
    fn a_holder_has_its_ttl_left_at_most_in_whole_seconds() {
        let after = |ttl, hold| busy(Some(holder(ttl, hold))).retry_after();
        let second = Duration::from_secs(1);
        // Taken within the last milliseconds, and rounded up.
        assert_eq!(after(second * 30, Duration::ZERO), Some(30));
        assert_eq!(after(second / 10, Duration::ZERO), Some(1));
        assert_eq!(after(second * 30, second * 7200), Some(30));
    }

    #[test]
    fn a_holder_whose_time_is_over_has_some_left_only_if_it_renews() {
        let mut late = holder(Duration::from_secs(30), Duration::ZERO);
        let Holder::Owner(owner) = &mut late else {
            panic!("a token of ours");
        };
        owner.taken -= Duration::from_secs(100);
        let mut renewing = late.clone();
        assert_eq!(busy(Some(late)).retry_after(), Some(1));
        let Holder::Owner(owner) = &mut renewing else {
            panic!("a token of ours");
        };
        owner.longest_hold = Duration::from_hours(1);
        assert_eq!(busy(Some(renewing.clone())).retry_after(), Some(30));
        let Holder::Owner(owner) = &mut renewing else {
            panic!("a token of ours");
        };
        owner.longest_hold = Duration::from_secs(105);
        let left = busy(Some(renewing)).retry_after();
        assert!(left.is_some_and(|left| left <= 5), "{left:?}");
    }

    #[test]
    fn a_holder_that_says_nothing_is_asked_again_soon() {
        let foreign = Holder::parse(b"1");
        for holder in [None, Some(foreign), Some(Holder::NotALock)] {
            assert_eq!(busy(holder).retry_after(), SOON);
        }
    }

    #[test]
    fn a_server_that_refuses_for_good_is_not_asked_again() {
        let failed = |kind| {
            let cause = StoreError::new(kind, "secret");
            let problem = Problem::of(&LockError::backend("lock:secret", cause));
            assert_eq!(problem.status(), 503);
            assert!(!problem.to_json().contains("secret"));
            problem.retry_after()
        };
        assert_eq!(failed(StoreErrorKind::Refused), None);
        assert_eq!(failed(StoreErrorKind::Unreachable), SOON);
    }

    #[test]
    fn a_body_tells_nothing_of_key_and_holder() {
        let json = busy(Some(holder(Duration::from_secs(30), Duration::ZERO))).to_json();
        assert_eq!(
            json,
            r#"{"type":"urn:lock-runtime:busy","title":"Busy","status":409,"detail":"Somebody else is at work on this right now. Nothing was done; try again later.","retry_after":30}"#
        );
    }
}
