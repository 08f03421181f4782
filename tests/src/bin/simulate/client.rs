//! A process with one client and several tasks that take locks.

use std::time::Duration;

use lock_runtime::LockClient;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep};

use crate::actor::Actor;
use crate::stream::Told;
use crate::world::{self, COMMAND_DEADLINE, Phase};

pub(crate) const ACTORS: usize = 3;

/// Between two looks at the phase.
const GLANCE: Duration = Duration::from_millis(5);
/// A shut-down client waits for the ttl of what may yet land, no longer.
const SHUTDOWN: Duration = Duration::from_secs(10);

pub(crate) async fn process(host: &'static str) -> turmoil::Result {
    world::tell(host, format_args!("starts"));
    let client = connected(host).await;
    let mut actors = JoinSet::new();
    let names = match host {
        "a" => ["a1", "a2", "a3"],
        _ => ["b1", "b2", "b3"],
    };
    for name in names {
        actors.spawn_local(Actor::new(name, host, client.clone()).live());
    }
    let jumping = tokio::task::spawn_local(jump(host));
    while let Some(ended) = actors.join_next().await {
        ended?;
    }
    jumping.abort();
    until(Phase::Closing).await;
    let asked = Instant::now();
    let left = client.shutdown(SHUTDOWN).await;
    let took = asked.elapsed().as_millis();
    world::tell(host, format_args!("shut down after {took} ms: {left:?}"));
    if !left.is_empty() {
        world::object(format!("{host} did not shut down: {left:?}"));
    }
    world::with(|world| world.closed += 1);
    Ok(())
}

async fn connected(host: &'static str) -> LockClient {
    loop {
        let builder = LockClient::builder()
            .command_deadline(COMMAND_DEADLINE)
            .connect_timeout(2 * COMMAND_DEADLINE);
        let client = builder.connect_through("redis://server", move || Told::connect(host));
        match client.await {
            Ok(client) => return client,
            Err(error) => world::tell(host, format_args!("no client: {error}")),
        }
        sleep(GLANCE).await;
    }
}

/// Waits for a phase.
pub(crate) async fn until(phase: Phase) {
    while world::phase() < phase {
        sleep(GLANCE).await;
    }
}

/// Lets the process's clock jump, as it does for one that was stopped.
async fn jump(host: &'static str) {
    while world::phase() == Phase::Chaos {
        sleep(world::chance(|chance| chance.millis(20..400))).await;
        let jump = world::with(|world| {
            let jumps = world.plan.jumps && world.phase == Phase::Chaos;
            let jump = jumps.then(|| world.chance.millis(2..300))?;
            *world.jumped.entry(host).or_default() += jump;
            let millis = jump.as_millis();
            world.tell(host, format_args!("finds itself {millis} ms later"));
            Some(jump)
        });
        if let Some(jump) = jump {
            advance(jump).await;
        }
    }
}
