//! Three ways to lose a Redis lock, played on a real server and drawn: first with the commands
//! many of us have written, then with `#[distributed_lock]`.
//!
//! `cargo run --example two_hours`, with a `redis-server` or `valkey-server` on the PATH, or with
//! `REDIS_URL=redis://…` for a server that runs already. It checks what it shows: the exit code is 1
//! if a fault shows with the attribute, or doesn't without it, and 2 if there is no server.

mod address;
mod leak;
mod observer;
mod presence;
mod recording;
mod relay;
mod scene;
mod stage;
mod story;
mod timed_out;
mod timeline;
mod world;
mod wrong_release;

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use examples::{NO_SERVER, Result, Server, interrupted};
use story::{Told, table};
use tokio::time::sleep;
use world::World;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let ended = match &arguments[..] {
        [] => play().await,
        // This program again, as the process that dies.
        [role, prefix] => leak::crash(role, prefix).await.map(|()| ExitCode::FAILURE),
        _ => Err("two_hours takes no arguments".into()),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("two_hours: {error}");
        ExitCode::FAILURE
    })
}

async fn play() -> Result<ExitCode> {
    let Some(server) = Server::find("two_hours").await? else {
        return Ok(ExitCode::from(NO_SERVER));
    };
    let world = World::new(server.url());
    // Says best what is wrong with a URL or a server.
    world.client().await?;
    story::introduction(&server);

    // A task of its own, so that a panic is an error like others and the keys are cleared.
    let mut stories = tokio::spawn(tell(world.clone()));
    let told = tokio::select! {
        told = &mut stories => told.map_err(Into::into).flatten(),
        told = interrupted() => told.map(|never| match never {}),
    };
    if told.is_err() {
        stories.abort();
        // What is on its way to the server arrives before the keys are cleared.
        sleep(Duration::from_millis(50)).await;
    }
    let left = world.clear().await;
    let (stories, left) = (told?, left?);
    println!("{}", table(&stories));
    let mut objections: Vec<_> = stories
        .into_iter()
        .flat_map(|story| story.objections)
        .collect();
    if left > 0 {
        objections.push(format!("{left} keys were left on the server"));
    }
    if objections.is_empty() {
        println!("Every naive way showed its fault, no annotated function did. No key was left.");
        return Ok(ExitCode::SUCCESS);
    }
    for objection in objections {
        eprintln!("not as it should be: {objection}");
    }
    Ok(ExitCode::FAILURE)
}

async fn tell(world: World) -> Result<Vec<Told>> {
    Ok(vec![
        leak::STORY
            .told(leak::naive(&world), leak::attribute(&world))
            .await?,
        wrong_release::STORY
            .told(
                wrong_release::naive(&world),
                wrong_release::attribute(&world),
            )
            .await?,
        timed_out::STORY
            .told(timed_out::naive(&world), timed_out::attribute(&world))
            .await?,
    ])
}

/// Waits for a fact of this process.
async fn until(fact: impl Fn() -> bool) {
    while !fact() {
        sleep(Duration::from_millis(1)).await;
    }
}
