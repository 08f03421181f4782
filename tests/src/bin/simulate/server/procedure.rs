//! What the scripts do.

use std::time::Duration;

use super::keyspace::{By, Keyspace, UNKNOWN};
use super::line::Entry;
use super::resp::Reply;
use super::rights::{DENIED, Right};
use super::script::Script;

/// The server's wall clock when a run begins, in µs.
const EPOCH: u64 = 1_700_000_000_000_000;

/// How many of a line that cannot be told are put out of it by one release.
const MOST: usize = 128;

impl Keyspace {
    /// Runs a script with the words behind its name: the number of keys, the keys, the arguments.
    pub(super) fn script(
        &mut self,
        script: Script,
        words: &[&str],
        now: Duration,
        by: By,
    ) -> Reply {
        self.called(script, words, now, by).unwrap_or(UNKNOWN)
    }

    fn called(&mut self, script: Script, words: &[&str], now: Duration, by: By) -> Option<Reply> {
        let (count, rest) = words.split_first()?;
        let (keys, arguments) = rest.split_at_checked(count.parse().ok()?)?;
        if keys.iter().any(|key| self.is_denied_line(key, by)) {
            return Some(DENIED);
        }
        Some(match (script, keys, arguments) {
            (Script::Acquire, [key], [token, ttl]) => {
                let (found, ttl) = (self.text(key), ttl.parse().ok()?);
                if matches!(found, Reply::Nil) {
                    self.store(key, token, Some(ttl), now, by);
                }
                found
            }
            (Script::AcquireFenced, [key, fence_key], [token, ttl]) => {
                let ttl = ttl.parse().ok()?;
                match self.value(key) {
                    Some(held) if held != *token => Reply::Text(held.to_owned()),
                    Some(_) => fenced(0, self.drawn(key, fence_key, false, now, by)),
                    None => {
                        let fence = self.drawn(key, fence_key, true, now, by);
                        self.store(key, token, Some(ttl), now, by);
                        fenced(1, fence)
                    }
                }
            }
            (Script::Join, [key, line], [token, ttl, entry, limit]) => {
                let (ttl, limit) = (ttl.parse().ok()?, limit.parse().ok()?);
                let code = match self.value(key) {
                    Some(held) if held != *token => {
                        return Some(self.stands(key, line, entry, limit, now, by));
                    }
                    held => i64::from(held.is_none()),
                };
                self.store(key, token, Some(ttl), now, by);
                self.lines.leave(line, entry);
                Reply::numbers([code])
            }
            (Script::JoinFenced { afresh }, [key, fence_key, line], [token, ttl, entry, limit]) => {
                let (ttl, limit) = (ttl.parse().ok()?, limit.parse().ok()?);
                let code = match self.value(key) {
                    Some(held) if held != *token => {
                        return Some(self.stands(key, line, entry, limit, now, by));
                    }
                    held => i64::from(held.is_none()),
                };
                let fence = self.drawn(key, fence_key, code == 1 || afresh, now, by);
                self.store(key, token, Some(ttl), now, by);
                self.lines.leave(line, entry);
                fenced(code, fence)
            }
            (Script::Swap | Script::SwapFenced, ..) => {
                self.swapped(script, keys, arguments, now, by)?
            }
            (Script::Pass, [key, line @ ..], [token, more @ ..]) => {
                let (leaving, joining, limit) = match more {
                    [] => ("", "", ""),
                    [leaving, joining, limit] => (*leaving, *joining, *limit),
                    _ => return None,
                };
                let idle = leaving.is_empty() && joining.is_empty() && self.in_line(line) == 0;
                if idle && self.holds(key, token) {
                    return Some(Reply::Number(self.release(key, token, now)));
                }
                match line {
                    [] => Reply::numbers([self.release(key, token, now), -1, 0, 0, 0]),
                    [line] => {
                        // Nobody who does not join says one.
                        let limit = limit.parse().unwrap_or_default();
                        let heads = (leaving, joining);
                        self.pass(key, line, token, heads, limit, now, by)?
                    }
                    _ => return None,
                }
            }
            (Script::Extend, [key], [token, ttl]) => {
                let ttl = ttl.parse().ok()?;
                if self.holds(key, token) {
                    self.live_for(key, ttl, now)
                } else {
                    Reply::Number(0)
                }
            }
            _ => return None,
        })
    }

    fn swapped(
        &mut self,
        script: Script,
        keys: &[&str],
        arguments: &[&str],
        now: Duration,
        by: By,
    ) -> Option<Reply> {
        Some(match (script, keys, arguments) {
            (Script::Swap, [key, line @ ..], [old, new, ttl]) => {
                let ttl = ttl.parse().ok()?;
                let code = self.swappable(key, old, new);
                if code == 1 {
                    self.store(key, new, Some(ttl), now, by);
                }
                match code {
                    1.. => Reply::numbers([code, self.in_line(line)]),
                    _ => Reply::Number(code),
                }
            }
            (Script::SwapFenced, [key, fence_key, line @ ..], [old, new, ttl]) => {
                let ttl = ttl.parse().ok()?;
                let code = self.swappable(key, old, new);
                if code < 1 {
                    return Some(Reply::Number(code));
                }
                let fence = self.drawn(key, fence_key, code == 1, now, by);
                if code == 1 {
                    self.store(key, new, Some(ttl), now, by);
                }
                let count = Reply::Number(self.in_line(line));
                Reply::List(vec![
                    Reply::Number(i64::from(code == 1)),
                    Reply::Text(fence),
                    count,
                ])
            }
            _ => return None,
        })
    }

    fn in_line(&self, line: &[&str]) -> i64 {
        line.first().map_or(0, |line| self.lines.len(line))
    }

    /// What a head is told that finds the key held.
    fn stands(
        &mut self,
        key: &str,
        line: &str,
        entry: &str,
        limit: u64,
        now: Duration,
        by: By,
    ) -> Reply {
        let joined = self.stand(line, entry, limit, now, by);
        let first = i64::from(self.lines.is_first(line, entry));
        Reply::List(vec![
            Reply::Number(2),
            self.text(key),
            self.left(key, now),
            Reply::Number(joined),
            Reply::Number(first),
        ])
    }

    fn stand(&mut self, line: &str, entry: &str, limit: u64, now: Duration, by: By) -> i64 {
        if self.full {
            return -1;
        }
        self.lines.stand(line, entry, limit, now, by)
    }

    /// What a swap of `old` by `new` finds; 1: it swaps.
    fn swappable(&mut self, key: &str, old: &str, new: &str) -> i64 {
        let code = match self.value(key) {
            None => 0,
            Some(held) if held == new => 2,
            Some(held) if held == old => 1,
            Some(_) => -1,
        };
        if code < 1 {
            self.refused.insert(old.to_owned());
        }
        self.handed_over += usize::from(code == 1);
        code
    }

    #[expect(clippy::too_many_arguments, reason = "what the script is given")]
    fn pass(
        &mut self,
        key: &str,
        line: &str,
        token: &str,
        (leaving, joining): (&str, &str),
        limit: u64,
        now: Duration,
        by: By,
    ) -> Option<Reply> {
        let mut code = match self.value(key) {
            None => 0,
            Some(held) if held == token => 1,
            Some(_) => -1,
        };
        if code < 1 {
            self.refused.insert(token.to_owned());
        }
        self.lines.leave(line, leaving);
        let (mut served, mut put, mut told, mut empty) = (false, false, false, false);
        for _ in 0..if code < 0 { 0 } else { MOST } {
            let first = self.lines.first(line).cloned();
            empty = first.is_none();
            let Some(first) = first else { break };
            let entry = Entry::read(&first.entry)?;
            self.lines.leave(line, &first.entry);
            self.store(key, entry.token, Some(entry.claim), now, first.by);
            put = true;
            let after = self.lines.first(line).cloned();
            if let Some(after) = after.filter(|after| after.entry != joining) {
                let after = Entry::read(&after.entry)?;
                let words = format!("next {} {}", entry.claim, after.token);
                self.tell(after.address, &words, by);
            }
            told = if first.entry == joining {
                served = true;
                true
            } else {
                let words = format!("turn {}", entry.token);
                match self.tell(entry.address, &words, by) {
                    Some(heard) => heard > 0,
                    None => break,
                }
            };
            if told {
                self.passed_on += usize::from(first.by.host != by.host);
                break;
            }
        }
        let mut joined = -1;
        if !joining.is_empty() && !served {
            if empty {
                let entry = Entry::read(joining)?;
                self.store(key, entry.token, Some(entry.claim), now, by);
                (served, told) = (true, true);
            } else {
                joined = self.stand(line, joining, limit, now, by);
            }
        }
        if told {
            code = if code == 1 { 2 } else { code };
        } else if code == 1 || put {
            self.remove(key, now, false);
        }
        let own = joined >= 0 && self.lines.is_first(line, joining);
        let others = !own && self.lines.len(line) > 0;
        let [own, served, others] = [own, served, others].map(i64::from);
        Some(Reply::numbers([code, joined, own, served, others]))
    }

    /// Gives the number of those who hear it; none if it must not be told.
    fn tell(&mut self, address: Option<&str>, words: &str, by: By) -> Option<usize> {
        let Some(address) = address else {
            return Some(1);
        };
        let may = !self.denies(Right::Publish, by);
        may.then(|| self.news.publish(address, words))
    }

    pub(super) fn release(&mut self, key: &str, token: &str, now: Duration) -> i64 {
        let code = match self.value(key) {
            None => 0,
            Some(held) if held != token => -1,
            Some(_) => 1,
        };
        if code == 1 {
            self.remove(key, now, false);
        } else {
            self.refused.insert(token.to_owned());
        }
        code
    }

    /// The fencing token for the lock `key`: a greater one, or the last one if there is any.
    fn drawn(&mut self, key: &str, fence_key: &str, afresh: bool, now: Duration, by: By) -> String {
        let last = self.value(fence_key);
        let last = last.and_then(|last| last.parse::<u64>().ok());
        if let (false, Some(last)) = (afresh, last) {
            return last.to_string();
        }
        let clock = EPOCH + u64::try_from(now.as_micros()).unwrap_or(0);
        let fence = clock.max(last.map_or(0, |last| last + 1));
        self.store(fence_key, &fence.to_string(), Some(86_400_000), now, by);
        let newest = self.fences.insert(key.to_owned(), fence);
        if let Some(newest) = newest.filter(|newest| *newest >= fence) {
            self.wrongs
                .push(format!("fence {fence} of {key} comes after {newest}"));
        }
        fence.to_string()
    }
}

fn fenced(code: i64, fence: String) -> Reply {
    Reply::List(vec![Reply::Number(code), Reply::Text(fence)])
}
