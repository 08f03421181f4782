//! The second story: a client releases the lock of another.

use std::time::Duration;

use lock_runtime::{LockClient, LockError, Ownership, distributed_lock};
use tokio::time::sleep;
use tokio::try_join;

use crate::Result;
use crate::observer::watch;
use crate::presence::Presence;
use crate::recording::Fault;
use crate::relay::Relay;
use crate::scene::{Millis, Scene};
use crate::stage::Stage;
use crate::story::{Story, Way};
use crate::world::{USERS, World, connect};

const FAULT: Fault = Fault::TwoInside;

pub(crate) const STORY: Story = Story {
    title: "2. Released by the wrong client",
    about: &[
        "A works for longer than its lease. B takes the lock that expired. Then A releases: whose lock?",
        "(A's connection is slow for a while, so that A's release comes after B's turn has begun.)",
    ],
    naive: Way {
        code: "SET key A NX PX 400, work, DEL key",
        watch: "Watch A's DEL take the lock from B, and C go in while B is still inside.",
    },
    attribute: Way {
        code: "#[distributed_lock(key = \"order:<user_id>\", ttl = \"400ms\", wait = 5)]",
        watch: "Watch A be cut off just before its lease ends, its late release leave B alone, and C stay out.",
    },
    fault: FAULT,
    scale: Duration::from_millis(1_200),
};

const USER: u64 = USERS[1];
const TTL_MS: u64 = 400;
const TTL: Duration = Duration::from_millis(TTL_MS);
const WORK: Duration = Duration::from_millis(300);
const RETRY: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(5);

/// B and C work for less than their lease. A works on when its own is over and B has the lock.
async fn work(me: &mut Presence, stage: &Stage) {
    if me.actor() != 'A' {
        return me.works(WORK).await;
    }
    while !stage.has_entered('B') {
        me.step().await;
    }
    me.works(WORK / 3).await;
}

/// The atomic form, with an expiry. What is still wrong is the release.
async fn place_order_naively(world: &World, stage: &Stage, name: char, url: &str) -> Result<()> {
    let key = world.key(USER);
    let mut redis = connect(url, PATIENCE).await?;
    let asking = stage.asks(name);
    loop {
        let granted: Option<String> = redis::cmd("SET")
            .arg(&key)
            .arg(name.to_string())
            .arg("NX")
            .arg("PX")
            .arg(TTL_MS)
            .query_async(&mut redis)
            .await?;
        if granted.is_some() {
            break;
        }
        sleep(RETRY).await;
    }
    let mut me = asking.enters(&name.to_string());
    work(&mut me, stage).await;
    me.leaves();
    let whose = match stage.owner() {
        Some(owner) if owner != name => format!("{owner}'s value"),
        Some(_) => "its own value".to_owned(),
        None => "nothing".to_owned(),
    };
    stage.note(format!("{name} is done: DEL key, where {whose} stands"));
    // Deletes what stands there, whoever put it.
    Ok(redis::cmd("DEL").arg(&key).exec_async(&mut redis).await?)
}

#[distributed_lock(key = "order:<user_id>", ttl = "400ms", wait = 5, guard = lock)]
async fn place_order(user_id: u64, asking: Presence, stage: &Stage) -> Result<(), LockError> {
    let mut me = asking.enters(lock.token().as_str());
    work(&mut me, stage).await;
    me.leaves();
    Ok(())
}

/// So that A's release comes late in any case, A's connection is slow until B has the lock.
async fn slow_down(relay: &Relay, stage: &Stage) -> Result<()> {
    stage.entered('A').await;
    relay.hold();
    stage.entered('B').await;
    sleep(WORK / 6).await;
    relay.let_go();
    Ok(())
}

pub(crate) async fn naive(world: &World) -> Result<Scene> {
    let relay = Relay::to(&world.url).await?;
    let stage = Stage::new();
    let order = async |name, after, url: &str| {
        if let Some(after) = after {
            stage.entered(after).await;
        }
        place_order_naively(world, &stage, name, url).await
    };
    let scene = Box::pin(async {
        try_join!(
            slow_down(&relay, &stage),
            order('A', None, &relay.url),
            order('B', Some('A'), &world.url),
            order('C', Some('B'), &world.url),
        )
    });
    watch(world.connection().await?, &world.key(USER), &stage, scene).await?;
    world.clear().await?;
    let recording = stage.recording();
    let (early, wrong) = (recording.overlap('A', 'B'), recording.overlap('B', 'C'));
    let measured = format!(
        "{} (A+B {}, B+C {})",
        Millis(recording.total(FAULT)),
        Millis(early),
        Millis(wrong)
    );
    let mut scene = Scene::naive(recording, FAULT, WORK / 4, measured);
    scene.expects(!wrong.is_zero(), "C did not get in while B was inside");
    Ok(scene)
}

pub(crate) async fn attribute(world: &World) -> Result<Scene> {
    let relay = Relay::to(&world.url).await?;
    let builder = LockClient::builder().prefix(&world.prefix);
    let a = builder.connect(&relay.url).await?;
    let (b, c) = (world.client().await?, world.client().await?);
    let stage = Stage::new();
    let order = async |client: &LockClient, name, after| {
        if let Some(after) = after {
            stage.entered(after).await;
        }
        let asking = stage.asks(name);
        let placed = client.scope(place_order(USER, asking, &stage)).await;
        match placed {
            Err(LockError::Lost { found, .. }) => {
                let found = match found {
                    Some(Ownership::Other(_)) => "another's value, and leaves it alone",
                    Some(Ownership::Mine) => "its own value, which it deletes",
                    Some(Ownership::Free) => "no key",
                    None => "no answer",
                };
                stage.note(format!(
                    "{name}'s call returns Lost: its release finds {found}"
                ));
                Ok(())
            }
            placed => placed.map_err(Into::into),
        }
    };
    let scene = Box::pin(async {
        try_join!(
            slow_down(&relay, &stage),
            order(&a, 'A', None),
            order(&b, 'B', Some('A')),
            order(&c, 'C', Some('B')),
        )
    });
    watch(world.connection().await?, &world.key(USER), &stage, scene).await?;
    let recording = stage.recording();
    let kept = match (recording.inside('B'), recording.held('B')) {
        (Some(inside), Some(held)) => held.1 >= inside.1,
        _ => false,
    };
    let c_came = recording.inside('C').is_some();
    let measured = Millis(recording.total(FAULT)).to_string();
    let mut scene = Scene::attribute(recording, TTL, measured, world, &[&a, &b, &c]).await?;
    scene.expects(kept, "B's key did not stand until B was done");
    scene.expects(c_came, "C never got in");
    Ok(scene)
}
