//! What compares with the token and changes its key in the same step: by commands of the server's own
//! where it has them, else by scripts.

use std::sync::atomic::{AtomicBool, Ordering};

use redis::{Value, cmd};

use super::dialect::{Failure, integer, passed, stored, unexpected};
use super::native::{self, Native};
use super::scripts::{self, Script};
use super::session::RedisSession;
use crate::error::StoreErrorKind;
use crate::observe::{Fallback, fell_back};
use crate::store::{Passed, Release, Stored};

impl RedisSession {
    /// What the server may do in one command of its own. `None`: it has to be a script.
    fn native(&self, refused: &AtomicBool) -> Option<Native> {
        let native = self.native.get().copied().flatten();
        native.filter(|_| !refused.load(Ordering::Relaxed))
    }

    fn is_explored(&self) -> bool {
        self.native.get().is_some()
    }

    /// The first time a script, behind the question which commands of its own the server has: a
    /// release that had to wait for that answer would come behind what is sent meanwhile, or, where
    /// nobody answers, not at all.
    ///
    /// `None`: the server has one, and runs no scripts for this user.
    async fn explore(
        &self,
        script: &Script,
        keys: &[&str],
        token: &str,
        args: &[&str],
    ) -> Option<Result<Value, Failure>> {
        // Stands nowhere, so that nothing is deleted.
        let other = format!("{token}?");
        let questions = Native::ALL
            .iter()
            .map(|native| native.delete(keys[0], &other));
        let asked = self
            .channel
            .send_behind(questions, script.by_hash(keys, args));
        let (tried, answer) = match asked.await {
            Ok(answers) => answers,
            Err(failure) => return Some(Err(failure)),
        };
        let answer = match answer {
            Err(Failure::NoScript) => self.channel.send(&script.by_text(keys, args)).await,
            answer => answer,
        };
        let native = Native::tried(&tried);
        // Whatever hindered all of them may end.
        if native.is_some() || answer.is_ok() {
            let new = self.native.set(native).is_ok();
            if new && native.is_none() {
                fell_back(Fallback::ReleaseByScript);
            }
        }
        match answer {
            Err(Failure::Absent(_)) if native.is_some() => None,
            answer => Some(answer),
        }
    }

    /// Compare-and-delete, with the codes of the script that passes on.
    ///
    /// Cancellation safety: of a release that is dropped behind a native 0 nobody is told that the
    /// token was not there; whoever sends it again finds out what is there by then.
    pub(super) async fn delete(
        &self,
        key: &str,
        line: Option<&str>,
        token: &str,
    ) -> Result<Passed, Failure> {
        let script = &scripts::PASS;
        if !self.is_explored() {
            // Boxed, as all that is done seldom: a release by the script would carry it.
            let explored = Box::pin(async {
                let line = self.line(line);
                let keys = [key, line.unwrap_or_default()];
                let keys = &keys[..=usize::from(line.is_some())];
                let explored = self.explore(script, keys, token, &[token]).await;
                if line.is_some() && matches!(explored, Some(Err(Failure::Absent(_)))) {
                    self.refuse_line();
                    return None;
                }
                explored
            });
            if let Some(answer) = explored.await {
                return self.passed(&answer?);
            }
        }
        if let Some(own) = self.native(&self.delete_refused) {
            // Boxed, as above.
            let deleted = Box::pin(self.delete_and_count(own, key, line, token)).await;
            let (answer, others) = deleted?;
            let code = match answer {
                Err(Failure::Absent(_) | Failure::Syntax) => {
                    if !self.delete_refused.swap(true, Ordering::Relaxed) {
                        fell_back(Fallback::ReleaseByScript);
                    }
                    None
                }
                Err(Failure::WrongType) => Some(Release::NotOurs),
                Ok(Value::Int(0)) => Some(Box::pin(self.instead(key, token)).await),
                Ok(Value::Int(1)) => Some(Release::Deleted),
                Ok(other) => {
                    let nonsense = self.channel.sensible(Err(unexpected(&other)));
                    return nonsense.map_err(Failure::Broken);
                }
                Err(failure) => return Err(failure),
            };
            if let Some(release) = code {
                return Ok(Passed {
                    others,
                    ..Passed::from(release)
                });
            }
        }
        self.passed(&self.script(script, &[key], line, &[token]).await?)
    }

    fn passed(&self, answer: &Value) -> Result<Passed, Failure> {
        let passed = self.channel.sensible(passed(answer));
        passed.map_err(Failure::Broken)
    }

    /// The server's own compare-and-delete, and behind it how many stand in line: only a script could
    /// serve them in the same step.
    async fn delete_and_count(
        &self,
        own: Native,
        key: &str,
        line: Option<&str>,
        token: &str,
    ) -> Result<(Result<Value, Failure>, bool), Failure> {
        let delete = own.delete(key, token);
        let Some(line) = self.line(line) else {
            return Ok((self.channel.send(&delete).await, false));
        };
        let count = cmd("ZCARD").arg(line).to_owned();
        let (answer, count) = self.channel.send_with(delete, count).await?;
        match count {
            Ok(count) => Ok((answer, matches!(count, Value::Int(1..)))),
            Err(Failure::Absent(_)) => {
                self.refuse_line();
                Ok((answer, false))
            }
            Err(_) => Ok((answer, false)),
        }
    }

    /// The code for a token that was not at its key. It was not, whatever this check finds: no answer,
    /// or the token after all, which a SET of another connection has brought meanwhile.
    async fn instead(&self, key: &str, token: &str) -> Release {
        let Ok(found) = self.channel.send(cmd("GET").arg(key)).await else {
            return Release::NotOurs;
        };
        match self.channel.sensible(stored(found)) {
            Ok(None) => Release::Missing,
            Ok(Some(Stored::Value(value))) if value == token.as_bytes() => Release::Missing,
            _ => Release::NotOurs,
        }
    }

    pub(super) async fn prolong(&self, key: &str, token: &str, ttl: &str) -> Result<bool, Failure> {
        let (script, args) = (&scripts::EXTEND, [token, ttl]);
        let mut explored = None;
        if !self.is_explored() {
            // Boxed: every later call would carry it.
            explored = Box::pin(self.explore(script, &[key], token, &args)).await;
        }
        if explored.is_none() && self.native(&self.extend_refused).is_some() {
            let set = native::extend(key, token, ttl);
            match self.channel.send(&set).await {
                Ok(Value::Okay) => return Ok(true),
                Ok(Value::Nil) | Err(Failure::WrongType) => return Ok(false),
                Ok(other) => {
                    let nonsense = self.channel.sensible(Err(unexpected(&other)));
                    return nonsense.map_err(Failure::Broken);
                }
                Err(Failure::Absent(_) | Failure::Syntax) => {
                    if !self.extend_refused.swap(true, Ordering::Relaxed) {
                        fell_back(Fallback::ExtendByScript);
                    }
                }
                // A server without memory refuses every SET, but not the script's PEXPIRE.
                Err(Failure::Store(error)) if error.kind() == StoreErrorKind::Refused => {}
                Err(failure) => return Err(failure),
            }
        }
        let answer = match explored {
            Some(answer) => answer,
            None => self.channel.script(script, &[key], &args).await,
        };
        let code = self.channel.sensible(integer(&answer?));
        Ok(code.map_err(Failure::Broken)? == 1)
    }
}
