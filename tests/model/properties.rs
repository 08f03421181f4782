//! What must hold in every state, and what must happen in some.
//!
//! "A free lock is eventually taken" is an invariant here, not stateright's `eventually`, which looks
//! at terminal states only and overlooks paths that join. Faults are taken from a finite budget, and
//! in one tick only finitely many steps can be taken, so that time goes on, from some tick on without
//! a fault. Then it is enough that no two ticks in a row, in which nothing was late and nobody was
//! paused, leave the key free all along although a client waits for it. (A call that is under way
//! when time goes on has met a fault, by the making of this model, else its answer would have come
//! before the tick; it gives up after its command deadline. A key that is not free gets so by "no
//! lock outlives its ttl".)

use stateright::Property;

use crate::protocol::{Client, Ended, Phase, Turn};
use crate::state::State;
use crate::world::{CLAIM, World};

pub(crate) const NEVER_BOTH: &str =
    "two clients never both act within their deadline while the server keeps its data";
pub(crate) const NO_OLDER_FENCE: &str =
    "whatever the server forgets, no write with an older fence is accepted";
pub(crate) const NO_ROBBERY: &str = "no CAD deletes another's lock";
pub(crate) const TTL: &str = "no lock outlives its ttl";
pub(crate) const TAKEN: &str = "a free lock is eventually taken";
pub(crate) const NO_FALSE_RESULT: &str =
    "a late result stands only if nobody else has held the lock";

pub(crate) const CLAIM_ENDS: &str = "a lock passed to nobody is free after one claim";

pub(crate) const HAS_LEFT: &str = "a lock whose every SET was answered has no place in line";

pub(crate) const NO_ORPHAN: &str =
    "no lock is left to its ttl unless a message was lost or its client died";

fn held(state: &State, what: impl Fn(&Client) -> bool) -> usize {
    state.clients.iter().filter(|client| what(client)).count()
}

fn ended(state: &State, how: Ended) -> bool {
    held(state, |client| client.phase == Phase::Idle(how)) > 0
}

fn always() -> Vec<Property<World>> {
    vec![
        Property::<World>::always(NEVER_BOTH, |_, state| {
            // A lock that the server forgot is no claim on anybody.
            held(state, |client| {
                client.may_act(state.now) && !client.forgotten
            }) < 2
        }),
        Property::<World>::always(NO_OLDER_FENCE, |_, state| !state.resource.overwritten),
        Property::<World>::always(NO_ROBBERY, |_, state| !state.server.robbed),
        Property::<World>::always(TTL, |world, state| {
            state.server.value.is_none() || state.now < state.server.since + world.ttl
        }),
        Property::<World>::always(CLAIM_ENDS, |_, state| {
            !state.server.claimed || state.now < state.server.since + CLAIM
        }),
        Property::<World>::always(HAS_LEFT, |world, state| {
            let stands = |client: &Client| {
                client.is_settled() && state.server.line.contains(&client.token())
            };
            state.left.copies < world.faults.copies || held(state, stands) == 0
        }),
        Property::<World>::always(TAKEN, |_, state| state.neglected < 2),
        Property::<World>::always(NO_FALSE_RESULT, |_, state| !state.false_result),
        Property::<World>::always(NO_ORPHAN, |world, state| {
            let faithful = state.left.losses == world.faults.losses
                && state.left.copies == world.faults.copies;
            !faithful
                || state.server.value.is_none_or(|token| {
                    let client = &state.clients[usize::from(token.client)];
                    client.phase == Phase::Crashed || client.minds(token)
                })
        }),
    ]
}

/// What a world must show in which locks go from hand to hand.
fn from_hand_to_hand(world: &World, may: &mut impl FnMut(bool, Property<World>)) {
    let faults = &world.faults;
    may(
        faults.hand_overs > 0 && faults.pauses + faults.delays > 0,
        Property::<World>::sometimes("a swap is not answered in time", |_, state| {
            let swaps = |client: &Client| matches!(&client.phase, Phase::Asking(asking) if asking.swap.is_some());
            held(state, |client| {
                swaps(client) && client.may_time_out(state.now)
            }) > 0
        }),
    );
    may(
        faults.hand_overs > 0,
        Property::<World>::sometimes("a lock is handed over", |_, state| {
            held(state, |client| client.may_act(state.now) && client.call > 1) > 0
        }),
    );
    may(
        world.passing,
        Property::<World>::sometimes("the news of a passed lock come late", |_, state| {
            let late = |client: &Client| match client.phase {
                Phase::Waiting { turn, .. } => client.news && turn == Turn::Unsure,
                _ => false,
            };
            held(state, late) > 0
        }),
    );
    may(
        world.passing && !world.fenced,
        Property::<World>::sometimes("a body runs on a claim", |_, state| {
            let owner = state.server.value.filter(|_| state.server.claimed);
            owner.is_some_and(|token| state.clients[usize::from(token.client)].may_act(state.now))
        }),
    );
}

/// What a world must show in which a call joins the line with the release of the one before.
fn joining(world: &World, may: &mut impl FnMut(bool, Property<World>)) {
    let faults = &world.faults;
    let joins = faults.rejoins > 0;
    may(
        joins && faults.pauses + faults.delays > 0,
        Property::<World>::sometimes(
            "a release with which another joins is not answered in time",
            |_, state| {
                let waits = |client: &Client| client.passes() && client.may_time_out(state.now);
                held(state, waits) > 0
            },
        ),
    );
    may(
        joins,
        Property::<World>::sometimes("the lock passes to the first, another joins", |_, state| {
            held(state, |client| {
                client
                    .passed()
                    .is_some_and(|passed| passed.was_ours && !passed.served)
            }) > 0
        }),
    );
    may(
        joins && (world.native || faults.deletions + faults.pauses > 0),
        Property::<World>::sometimes("who joins is given a key that was free", |_, state| {
            held(state, |client| {
                client
                    .passed()
                    .is_some_and(|passed| !passed.was_ours && passed.served)
            }) > 0
        }),
    );
    may(
        joins && faults.breaks > 0,
        Property::<World>::sometimes("a dead token stands in line", |_, state| {
            state.server.line.iter().any(|token| {
                let client = &state.clients[usize::from(token.client)];
                matches!(client.phase, Phase::Idle(_)) || client.token() != *token
            })
        }),
    );
}

/// What a world must show, or its faults prove nothing.
pub(crate) fn all(world: &World) -> Vec<Property<World>> {
    let mut all = always();
    let faults = &world.faults;
    let mut may = |condition: bool, property: Property<World>| {
        if condition {
            all.push(property);
        }
    };
    may(
        true,
        Property::<World>::sometimes("both have held the lock in turn", |_, state| {
            ended(state, Ended::Stands { late: false })
                && held(state, |client| client.may_act(state.now)) > 0
        }),
    );
    may(
        true,
        Property::<World>::sometimes("a lock is lost while its body runs", |_, state| {
            held(state, |client| match &client.phase {
                Phase::Held(lease) => !lease.is_alive(state.now) && lease.taken_over,
                _ => false,
            }) > 0
        }),
    );
    may(
        faults.delays + faults.losses + faults.breaks + faults.pauses > 0,
        Property::<World>::sometimes("a body that was late keeps its result", |_, state| {
            ended(state, Ended::Stands { late: true })
        }),
    );
    may(
        faults.delays > 0 || faults.breaks > 0 && faults.cancels + faults.pauses > 0,
        Property::<World>::sometimes("a SET lands after its call", |_, state| {
            state.server.value.is_some_and(|token| {
                let client = &state.clients[usize::from(token.client)];
                client.phase == Phase::Idle(Ended::Without) && client.token() == token
            })
        }),
    );
    may(
        faults.renewals > 0,
        Property::<World>::sometimes("a renewal is refused", |_, state| {
            held(
                state,
                |client| matches!(&client.phase, Phase::Held(lease) if lease.refuted),
            ) > 0
        }),
    );
    may(
        faults.crashes > 0,
        Property::<World>::sometimes("a dead client's lock is taken over", |_, state| {
            held(state, |client| client.phase == Phase::Crashed) > 0
                && held(state, |client| client.may_act(state.now)) > 0
        }),
    );
    may(
        faults.pauses > 0,
        Property::<World>::sometimes("a paused client has the lock", |_, state| {
            held(state, |client| {
                client.paused && state.server.value == Some(client.token())
            }) > 0
        }),
    );
    may(
        faults.restarts > 0,
        Property::<World>::sometimes("a forgotten lock has two holders", |_, state| {
            held(state, |client| client.may_act(state.now)) > 1
        }),
    );
    may(
        world.fenced,
        Property::<World>::sometimes("a late write is refused", |_, state| state.resource.refused),
    );
    from_hand_to_hand(world, &mut may);
    joining(world, &mut may);
    all
}
