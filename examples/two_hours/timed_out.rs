//! The third story: a SET that timed out is taken for one that failed.

use std::time::Duration;

use lock_runtime::{LockClient, distributed_lock};
use redis::aio::MultiplexedConnection;
use tokio::time::{sleep, timeout};
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

const FAULT: Fault = Fault::ShutOut;

pub(crate) const STORY: Story = Story {
    title: "3. A timed-out SET taken for a failure",
    about: &[
        "A's SET is slow on its way. A hears nothing for 300 ms, and then the SET arrives after all.",
    ],
    naive: Way {
        code: "SET key A1 NX PX 1500, work, DEL key; no answer within 300 ms counts as a failure",
        watch: "Watch A's own late SET shut out everybody, A included, with nobody inside.",
    },
    attribute: Way {
        code: "#[distributed_lock(key = \"order:<user_id>\", ttl = \"1500ms\", wait = 5)]",
        watch: "Watch A's call find that the late SET is its own; and C's, given up by its caller, undone.",
    },
    fault: FAULT,
    scale: Duration::from_millis(2_600),
};

const USER: u64 = USERS[2];
const TTL_MS: u64 = 1_500;
const TTL: Duration = Duration::from_millis(TTL_MS);
/// How long a single command may take, and how long the slow connection takes.
const PATIENCE: Duration = Duration::from_millis(300);
const SLOW: Duration = Duration::from_millis(450);
const WORK: Duration = Duration::from_millis(200);
const RETRY: Duration = Duration::from_millis(20);

async fn set(
    redis: &mut MultiplexedConnection,
    key: &str,
    value: &str,
) -> redis::RedisResult<bool> {
    let granted: Option<String> = redis::cmd("SET")
        .arg(key)
        .arg(value)
        .arg("NX")
        .arg("PX")
        .arg(TTL_MS)
        .query_async(redis)
        .await?;
    Ok(granted.is_some())
}

/// Atomic, with an expiry, a fresh value for every try. What is wrong is what a timeout is
/// taken for.
async fn place_order_naively(
    redis: &mut MultiplexedConnection,
    key: &str,
    stage: &Stage,
    name: char,
) -> Result<()> {
    let mut asking = stage.asks(name);
    for attempt in 1.. {
        let value = format!("{name}{attempt}");
        stage.knows(&value, name);
        match set(redis, key, &value).await {
            Ok(true) => {
                let mut me = asking.enters(&value);
                me.works(WORK).await;
                me.leaves();
                break;
            }
            Ok(false) => sleep(RETRY).await,
            Err(error) if error.is_timeout() => {
                // Nobody knows: the SET may still be on its way.
                drop(asking);
                stage.note(format!(
                    "{name}: no answer, \"it failed, please try again later\""
                ));
                sleep(PATIENCE).await;
                stage.note(format!("{name} tries again, with a new value"));
                asking = stage.asks(name);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(redis::cmd("DEL").arg(key).exec_async(redis).await?)
}

#[distributed_lock(key = "order:<user_id>", ttl = "1500ms", wait = 5, guard = lock)]
async fn place_order(user_id: u64, asking: Presence) -> Result<()> {
    let mut me = asking.enters(lock.token().as_str());
    me.works(WORK).await;
    me.leaves();
    Ok(())
}

/// What `name` sends next takes its time: the answer comes too late for a single command.
async fn slow_down(relay: &Relay, stage: &Stage, name: char) -> Result<()> {
    relay.holds_something().await;
    sleep(SLOW).await;
    stage.note(format!("{name}'s SET arrives at last"));
    relay.let_go();
    Ok(())
}

pub(crate) async fn naive(world: &World) -> Result<Scene> {
    let relay = Relay::to(&world.url).await?;
    let key = world.key(USER);
    let mut slow = connect(&relay.url, PATIENCE).await?;
    let mut sound = world.connection().await?;
    let stage = Stage::new();
    relay.hold();
    let scene = Box::pin(async {
        let b = async {
            stage.key_stands().await;
            place_order_naively(&mut sound, &key, &stage, 'B').await
        };
        try_join!(
            slow_down(&relay, &stage, 'A'),
            place_order_naively(&mut slow, &key, &stage, 'A'),
            b
        )
    });
    watch(world.connection().await?, &key, &stage, scene).await?;
    world.clear().await?;
    let recording = stage.recording();
    let shut_out = Millis(recording.total(FAULT));
    let measured = format!("{shut_out} (ttl {} s)", TTL.as_secs_f64());
    Ok(Scene::naive(recording, FAULT, TTL * 3 / 4, measured))
}

pub(crate) async fn attribute(world: &World) -> Result<Scene> {
    let (to_a, to_c) = (Relay::to(&world.url).await?, Relay::to(&world.url).await?);
    let builder = LockClient::builder()
        .prefix(&world.prefix)
        // A single command is given a quarter of it.
        .command_deadline(PATIENCE * 4);
    let a = builder.clone().connect(&to_a.url).await?;
    let b = world.client().await?;
    let c = builder.connect(&to_c.url).await?;
    let stage = Stage::new();
    let order =
        async |client: &LockClient, name| client.scope(place_order(USER, stage.asks(name))).await;
    to_a.hold();
    let scene = Box::pin(async {
        let b_then_c = async {
            stage.key_stands().await;
            order(&b, 'B').await?;
            to_c.hold();
            try_join!(
                slow_down(&to_c, &stage, 'C'),
                impatient(&stage, || order(&c, 'C'))
            )
        };
        try_join!(slow_down(&to_a, &stage, 'A'), order(&a, 'A'), b_then_c)
    });
    watch(world.connection().await?, &world.key(USER), &stage, scene).await?;
    let recording = stage.recording();
    let c_came = recording.inside('C').is_some();
    let measured = Millis(recording.total(FAULT)).to_string();
    let at_most = Duration::from_millis(300);
    let mut scene = Scene::attribute(recording, at_most, measured, world, &[&a, &b, &c]).await?;
    scene.expects(c_came, "C never got in");
    Ok(scene)
}

/// A caller with a timeout of its own, who then tries again.
async fn impatient<F: Future<Output = Result<()>>>(
    stage: &Stage,
    order: impl Fn() -> F,
) -> Result<()> {
    if let Ok(placed) = timeout(PATIENCE, order()).await {
        return placed;
    }
    stage.note("C's caller has waited enough and drops the call, which sends a release after it");
    sleep(PATIENCE).await;
    stage.note("C's caller tries again");
    order().await
}
