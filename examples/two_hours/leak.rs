//! The first story: a process dies between SETNX and EXPIRE.

use std::process::Stdio;
use std::time::Duration;

use lock_runtime::{LockClient, distributed_lock};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::sleep;
use tokio::try_join;

use crate::Result;
use crate::observer::watch;
use crate::presence::Presence;
use crate::recording::Fault;
use crate::scene::{Millis, Scene};
use crate::stage::Stage;
use crate::story::{Story, Way};
use crate::world::{USERS, World};

const FAULT: Fault = Fault::ShutOut;

pub(crate) const STORY: Story = Story {
    title: "1. The leak",
    about: &[
        "A takes the lock, and its process dies before it has given the lock an expiry. This is how a",
        "lock stays shut for two hours: until somebody finds the key and deletes it.",
    ],
    naive: Way {
        code: "SETNX key A, then EXPIRE key 1, work, DEL key",
        watch: "Watch the key stay for a process that is gone, and B and C ask in vain, second after second.",
    },
    attribute: Way {
        code: "#[distributed_lock(key = \"order:<user_id>\", ttl = 1, wait = 5)]",
        watch: "Watch the key of the dead process go by itself, and B and C get in, one after the other.",
    },
    fault: FAULT,
    scale: Duration::from_millis(3_100),
};

const USER: u64 = USERS[0];
const TTL: Duration = Duration::from_secs(1);
const WATCHED: Duration = Duration::from_millis(2_500);
const WORK: Duration = Duration::from_millis(200);
const RETRY: Duration = Duration::from_millis(20);

/// What the re-executed program is asked to do.
const NAIVELY: &str = "crash-naively";
const ANNOTATED: &str = "crash-annotated";

/// The lock as many of us have written it once: two commands, and a moment between them.
async fn place_order_naively(world: &World, stage: &Stage, name: char) -> Result<()> {
    let key = world.key(USER);
    let mut redis = world.connection().await?;
    let asking = stage.asks(name);
    while !redis::cmd("SETNX")
        .arg(&key)
        .arg(name.to_string())
        .query_async::<bool>(&mut redis)
        .await?
    {
        sleep(RETRY).await;
    }
    // Whoever dies here leaves a key that never expires.
    redis::cmd("EXPIRE")
        .arg(&key)
        .arg(TTL.as_secs())
        .exec_async(&mut redis)
        .await?;
    let mut me = asking.enters(&name.to_string());
    me.works(WORK).await;
    me.leaves();
    Ok(redis::cmd("DEL").arg(&key).exec_async(&mut redis).await?)
}

/// The guard is here for the drawing alone: it knows the value that stands at the key.
#[distributed_lock(key = "order:<user_id>", ttl = 1, wait = 5, guard = lock)]
async fn place_order(user_id: u64, asking: Presence) -> Result<()> {
    let mut me = asking.enters(lock.token().as_str());
    me.works(WORK).await;
    me.leaves();
    Ok(())
}

#[distributed_lock(key = "order:<user_id>", ttl = 1, guard = lock)]
async fn place_order_and_crash(user_id: u64) -> Result<()> {
    println!("{}", lock.token().as_str());
    sleep(WORK / 2).await;
    std::process::abort()
}

/// What the child process does: it takes the lock, tells its value, and is gone.
pub(crate) async fn crash(role: &str, prefix: &str) -> Result<()> {
    let world = World {
        url: std::env::var("REDIS_URL")?,
        prefix: prefix.to_owned(),
    };
    match role {
        NAIVELY => {
            let mut redis = world.connection().await?;
            let granted: bool = redis::cmd("SETNX")
                .arg(world.key(USER))
                .arg("A")
                .query_async(&mut redis)
                .await?;
            if granted {
                println!("A");
                std::process::abort();
            }
            Err("the lock was not free".into())
        }
        ANNOTATED => {
            let client = world.client().await?;
            client.scope(place_order_and_crash(USER)).await
        }
        _ => Err("two_hours takes no arguments".into()),
    }
}

/// A is a process of its own, which really dies.
async fn crash_of_a(role: &str, how: &'static str, world: &World, stage: &Stage) -> Result<()> {
    let asking = stage.asks('A');
    // `ulimit`: nobody needs its core dump.
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -c 0; exec \"$@\"", "sh"])
        .arg(std::env::current_exe()?)
        .args([role, &world.prefix])
        .env("REDIS_URL", &world.url)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().ok_or("no output of the child")?;
    let mut lines = BufReader::new(output).lines();
    let value = lines.next_line().await?;
    let value = value.ok_or("A's process ended before it had the lock")?;
    let me = asking.enters(&value);
    // Its output ends when it does.
    while lines.next_line().await?.is_some() {}
    me.dies(how);
    let status = child.wait().await?;
    if status.code().is_some() {
        return Err(format!("A's process was to abort, but ended with {status}").into());
    }
    Ok(())
}

pub(crate) async fn naive(world: &World) -> Result<Scene> {
    let stage = Stage::new();
    let key = world.key(USER);
    let mut redis = world.connection().await?;
    let scene = Box::pin(async {
        let a = async {
            let how = "aborts between SETNX and EXPIRE: its process is gone";
            crash_of_a(NAIVELY, how, world, &stage).await?;
            sleep(WATCHED).await;
            let ttl: i64 = redis::cmd("TTL").arg(&key).query_async(&mut redis).await?;
            let words = if ttl == -1 { ", it never expires" } else { "" };
            stage.note(format!("TTL key answers {ttl}{words}"));
            redis::cmd("DEL").arg(&key).exec_async(&mut redis).await?;
            stage.note("DEL key, by hand: nothing else would ever have ended this");
            Ok(ttl)
        };
        let b_and_c = async {
            stage.entered('A').await;
            try_join!(
                place_order_naively(world, &stage, 'B'),
                place_order_naively(world, &stage, 'C')
            )
        };
        let (ttl, _) = try_join!(a, b_and_c)?;
        Ok(ttl)
    });
    let ttl = watch(world.connection().await?, &key, &stage, scene).await?;
    let recording = stage.recording();
    let measured = format!(
        "for ever (ended by hand after {})",
        Millis(recording.total(FAULT))
    );
    let mut scene = Scene::naive(recording, FAULT, WATCHED * 9 / 10, measured);
    scene.expects(ttl == -1, "the key of the dead process had an expiry");
    Ok(scene)
}

pub(crate) async fn attribute(world: &World) -> Result<Scene> {
    let stage = Stage::new();
    let key = world.key(USER);
    let (b, c) = (world.client().await?, world.client().await?);
    let order = async |client: &LockClient, name| {
        stage.entered('A').await;
        client.scope(place_order(USER, stage.asks(name))).await
    };
    let scene = Box::pin(async {
        let a = async {
            let how = "aborts in the middle of its work: its process is gone";
            crash_of_a(ANNOTATED, how, world, &stage).await
        };
        try_join!(a, order(&b, 'B'), order(&c, 'C'))
    });
    watch(world.connection().await?, &key, &stage, scene).await?;
    let recording = stage.recording();
    let shut_out = Millis(recording.total(FAULT));
    let measured = format!("{shut_out} (ttl {} s)", TTL.as_secs_f64());
    let at_most = TTL + Duration::from_millis(500);
    Scene::attribute(recording, at_most, measured, world, &[&b, &c]).await
}
