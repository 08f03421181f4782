//! What holds for all calls of a client.

use std::time::Duration;

use crate::acks::Acks;
use crate::error::LockError;
use crate::key::RESERVED;
use crate::options::{AcquireForm, ReleaseMode};

const LONGEST: Duration = Duration::from_mins(10);

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) prefix: String,
    pub(crate) command_deadline: Duration,
    pub(crate) form: AcquireForm,
    pub(crate) release: ReleaseMode,
    pub(crate) acks: Option<Acks>,
    /// How long a lock that is passed on lasts before its new holder has asked for more.
    pub(crate) claim: Duration,
    pub(crate) max_waiters: usize,
    pub(crate) max_waiters_per_key: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prefix: "lock:".to_owned(),
            command_deadline: Duration::from_secs(2),
            form: AcquireForm::default(),
            release: ReleaseMode::default(),
            acks: None,
            claim: Duration::from_millis(200),
            max_waiters: 10_000,
            max_waiters_per_key: 1_000,
        }
    }
}

impl Settings {
    /// How long one command is waited for: a check and another attempt are to fit in after it.
    pub(crate) fn response_timeout(&self) -> Duration {
        self.command_deadline / 4
    }

    pub(crate) fn validate(&self) -> Result<(), LockError> {
        if self.prefix.contains(['{', '}']) {
            let reason = "the prefix must hold no braces: they would choose a Cluster slot";
            return Err(LockError::options(reason));
        }
        if self.prefix.contains(RESERVED) {
            let reason = format!("the prefix must not contain `{RESERVED}`, which is reserved");
            return Err(LockError::options(reason));
        }
        if self.prefix.len() > 128 {
            return Err(LockError::options("the prefix must have at most 128 bytes"));
        }
        if !(Duration::from_millis(40)..=LONGEST).contains(&self.command_deadline) {
            let reason = "`command_deadline` must lie between 40 ms and 10 min";
            return Err(LockError::options(reason));
        }
        if let Some(Acks { replicas, limit }) = self.acks {
            let longest = self.command_deadline / 2;
            if replicas == 0 || !(Duration::from_millis(1)..=longest).contains(&limit) {
                return Err(LockError::options(format!(
                    "`acks` needs at least 1 replica, and a limit between 1 ms and half the command \
                     deadline ({longest:?})"
                )));
            }
        }
        if !(Duration::from_millis(50)..=Duration::from_secs(10)).contains(&self.claim) {
            return Err(LockError::options(
                "`claim` must lie between 50 ms and 10 s",
            ));
        }
        if self.max_waiters == 0 || self.max_waiters_per_key == 0 {
            let reason = "`max_waiters` and `max_waiters_per_key` must be at least 1; calls without \
                          a `wait` never wait";
            return Err(LockError::options(reason));
        }
        Ok(())
    }
}
