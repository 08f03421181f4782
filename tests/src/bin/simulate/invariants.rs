//! What must hold, at every step and at the end of every call.

use std::collections::BTreeMap;
use std::time::Duration;

use lock_runtime::LockGuard;

use crate::actor::Turn;
use crate::holding::Holding;
use crate::server::keyspace::{Keyspace, Spans};
use crate::world::{self, COMMAND_DEADLINE, Phase, World};

/// A poll of those who are told, and what a command takes.
const LONGEST_FREE: Duration = Duration::from_millis(2_200);

/// Who trusts a lease, and until when as far as its last poll could tell.
#[derive(Default)]
pub(crate) struct Trusts {
    next: u64,
    open: BTreeMap<u64, Trust>,
}

struct Trust {
    who: String,
    key: String,
    token: String,
    until: Duration,
}

/// A holder that is watched while this lives.
pub(crate) struct Watch {
    id: u64,
    pub(crate) token: String,
}

impl Watch {
    pub(crate) fn over(who: &str, guard: &LockGuard) -> Self {
        let token = guard.token().as_str().to_owned();
        world::with(|world| {
            world.waiting.remove(who);
            let name = world.history.name(&token);
            world.tell(who, format_args!("holds {} by {name}", guard.key()));
            world.trusts.next += 1;
            let id = world.trusts.next;
            let trust = Trust {
                who: who.to_owned(),
                key: guard.key().to_owned(),
                token: token.clone(),
                until: Duration::ZERO,
            };
            world.trusts.open.insert(id, trust);
            Self { id, token }
        })
    }

    /// Notes what the holder sees when it is polled.
    pub(crate) fn polled(&self, remaining: Duration) {
        world::with(|world| {
            let now = world.now;
            if let Some(trust) = world.trusts.open.get_mut(&self.id) {
                trust.until = now + remaining;
            }
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        world::with(|world| {
            let trust = world.trusts.open.remove(&self.id);
            let Some(trust) = trust else { return };
            let name = world.history.name(&self.token);
            world.tell(&trust.who, format_args!("lets go of {name}"));
        });
    }
}

/// At every step: who trusts a lease has the key, and has it alone, unless the server lost its data.
pub(crate) fn check_step(world: &mut World) {
    let now = world.now;
    let mut wrong = Vec::new();
    let live: Vec<&Trust> = world
        .trusts
        .open
        .values()
        .filter(|trust| trust.until > now)
        .filter(|trust| match world.keyspace.lost_at(&trust.token) {
            None => true,
            Some(lost) => {
                // What it was told before may be trusted for as long as that was good for.
                if trust.until > lost + ttl(&trust.token) {
                    wrong.push(format!("{} was told of a loss and trusts on", trust.who));
                }
                false
            }
        })
        .collect();
    for (at, trust) in live.iter().enumerate() {
        let twice = |other: &&&Trust| other.key == trust.key;
        if let Some(other) = live[at + 1..].iter().find(twice) {
            wrong.push(format!(
                "{} and {} both trust a lease on {}",
                trust.who, other.who, trust.key
            ));
        }
        if !world.keyspace.holds(&trust.key, &trust.token) {
            let found = world.keyspace.value(&trust.key).map(str::to_owned);
            let until = trust.until.as_millis();
            let (who, key) = (&trust.who, &trust.key);
            let (ours, found) = (trust.token.clone(), found);
            let ours = world.history.name(&ours);
            let found = found.map_or("nothing".to_owned(), |found| world.history.name(&found));
            wrong.push(format!(
                "{who} trusts its lease on {key} by {ours} until {until} ms, the server shows {found}"
            ));
        }
    }
    wrong.extend(check_free(world));
    wrong.extend(world.keyspace.wrongs());
    for wrong in wrong {
        // Once is enough: it stays so for many steps.
        if !world.violations.iter().any(|told| told.ends_with(&wrong)) {
            world.object(wrong);
        }
    }
}

/// On a calm network nobody waits for long while the key is free, even if all news of that was lost.
fn check_free(world: &mut World) -> Vec<String> {
    if world.phase != Phase::Clean {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for (who, (key, since)) in &world.waiting {
        let free = world.keyspace.free_since(&format!("lock:{key}"));
        let Some(free) = free.map(|free| free.max(*since)) else {
            continue;
        };
        let length = world.now.saturating_sub(free);
        world.longest_free = world.longest_free.max(length);
        if length > LONGEST_FREE {
            wrong.push(format!("{who} waits for {key} though it is free"));
        }
    }
    wrong
}

/// What was asked for, by the token's label.
fn ttl(token: &str) -> Duration {
    let millis = token.split('|').nth(5).and_then(|ttl| ttl.parse().ok());
    Duration::from_millis(millis.expect("a label with the ttl"))
}

/// A call came back with Ok: its lock was held from its body's first poll to its last. Unless the
/// server lost its data under a body that was in time, which nobody can know.
pub(crate) fn check_ok(held: &Holding) {
    let Holding {
        token,
        from,
        to,
        late,
        ..
    } = held;
    let (from, to, late) = (*from, *to, *late);
    world::with(|world| {
        let keyspace = &world.keyspace;
        if covered(keyspace.spans(token), from, to) || (!late && keyspace.lost_within(token, to)) {
            return;
        }
        let told = format!(
            "Ok, but {} was not at its key all the time from {} to {} ms",
            world.history.name(token),
            from.as_millis(),
            to.as_millis()
        );
        world.object(told);
    });
}

/// Ok before a command's time for its answer was over: the release was answered. If it was sent but
/// once, on the connection that was used before, that answer says whether the lock was held.
/// Elsewhere the client may have tried first on one that broke before it wrote.
pub(crate) fn check_told(held: &Holding) {
    // By the clock that the call itself looks at.
    let answered = held.ended.elapsed() < COMMAND_DEADLINE / 4;
    world::with(|world| {
        let refused = world.keyspace.refused(&held.token);
        if answered && refused && world.releases.get(&held.token) == Some(&vec![true]) {
            let name = world.history.name(&held.token);
            world.object(format!(
                "Ok, but the release of {name} said that it was lost"
            ));
        }
    });
}

/// Takes note of how long a key has to stay: its hold counts from its acquisition, which is no earlier
/// than the call.
pub(crate) fn stays(turn: &Turn, token: &str) {
    if !turn.min_hold.is_zero() {
        world::with(|world| {
            let until = turn.asked + turn.min_hold;
            // Else it has waited for longer than that, and nothing is known of when it was taken.
            if until > world.now {
                world.stays.insert(token.to_owned(), until);
            }
        });
    }
}

/// At the end: whoever held a lock with a shortest hold left it at its key for so long, unless the server
/// lost its data. Where clocks jump, a hold may be over earlier than others see it.
pub(crate) fn check_stays(world: &mut World) {
    if world.plan.jumps {
        return;
    }
    let mut wrong = Vec::new();
    for (token, until) in &world.stays {
        let end = world.keyspace.spans(token).last().map(|span| span.to);
        let gone = end.is_none_or(|end| end.is_some_and(|end| end < *until));
        if gone && world.keyspace.lost_at(token).is_none() {
            let name = world.history.name(token);
            wrong.push(format!(
                "{name} left its key before {} ms",
                until.as_millis()
            ));
        }
    }
    for wrong in wrong {
        world.object(wrong);
    }
}

fn covered(spans: &Spans, from: Duration, to: Duration) -> bool {
    spans
        .iter()
        .any(|span| span.from <= from && span.to.is_none_or(|end| end >= to))
}

/// After the network has been calm and every call has ended: nothing that was taken since `calm` is
/// left.
pub(crate) fn check_left(keyspace: &Keyspace, calm: Duration) -> Vec<String> {
    let left = keyspace.locks().filter(|(_, since)| *since >= calm);
    left.map(|(key, _)| key.to_owned()).collect()
}
