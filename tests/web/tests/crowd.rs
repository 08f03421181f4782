//! A thousand connections for one key: as many wait as may, the others are told so at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::net::TcpStream;
use web_tests::http::{answer, getting, send};
use web_tests::world::{MAX_WAITERS, PATIENCE, World};
use web_tests::{actix_app, axum_app};

const CROWD: usize = 1_000;
/// All but the holder and those who may wait.
const REFUSED: usize = CROWD - 1 - MAX_WAITERS;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axum() {
    let world = World::start().await;
    let port = axum_app::start(world.clone()).await;
    a_crowd(world, port).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actix() {
    let world = World::start().await;
    let port = actix_app::start(&world, false);
    a_crowd(world, port).await;
}

async fn a_crowd(world: Arc<World>, port: u16) {
    let request = getting("/held/crowd");
    let holder = send(port, &request).await;
    world.until_keys(|keys| !keys.is_empty()).await;
    let crowd: Vec<TcpStream> = join_all((1..CROWD).map(|_| send(port, &request))).await;
    let told = AtomicUsize::new(0);
    let answers = crowd.into_iter().map(async |connection| {
        let answer = answer(connection).await;
        // The gate opens when all that may not wait have been told so.
        if told.fetch_add(1, Ordering::Relaxed) + 1 == REFUSED {
            world.open();
        }
        answer
    });
    let answers = join_all(answers).await;
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for answer in answers {
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        *statuses.entry(answer.status).or_default() += 1;
    }
    assert_eq!(answer(holder).await.status, 200);
    println!("{CROWD} connections: {statuses:?} and the first holder");
    let expected = BTreeMap::from([(200, MAX_WAITERS), (429, REFUSED)]);
    assert_eq!(statuses, expected);
    assert_eq!(world.inside(), MAX_WAITERS + 1);
    world.until_keys(<[String]>::is_empty).await;
    assert!(world.locks.shutdown(PATIENCE).await.is_empty());
}
