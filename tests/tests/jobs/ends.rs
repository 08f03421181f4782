//! However a call ends, its key stays for the `min_hold`.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use lock_runtime::{LockClient, LockError, LockStore, MemoryStore, ReleaseMode, distributed_lock};
use tests::Server;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

const HOLD: Duration = Duration::from_millis(900);
/// For a noisy machine; the ttl is far longer.
const SLACK: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
enum End {
    Output,
    Failure,
    Panic,
    Cancelled,
}

const ENDS: [End; 4] = [End::Output, End::Failure, End::Panic, End::Cancelled];

#[distributed_lock(key = "job:<name>", ttl = "5m", min_hold = HOLD, with(name = format!("{end:?}")))]
async fn job(end: End, running: Arc<Notify>) -> Result<(), LockError> {
    running.notify_one();
    match end {
        End::Output => Ok(()),
        End::Failure => Err(LockError::NotInstalled {
            function: "the job's own",
        }),
        End::Panic => panic!("the job's own"),
        End::Cancelled => pending().await,
    }
}

/// Calls the job until its end, and waits until its key is gone.
async fn stays(client: LockClient, other: LockClient, end: End) {
    let began = Instant::now();
    let running = Arc::new(Notify::new());
    let call = tokio::spawn(client.scope(job(end, running.clone())));
    match end {
        End::Cancelled => {
            running.notified().await;
            call.abort();
            assert!(call.await.expect_err("aborted").is_cancelled());
        }
        End::Panic => assert!(call.await.expect_err("panics").is_panic()),
        End::Output => call.await.expect("no panic").expect("free"),
        End::Failure => {
            let error = call.await.expect("no panic").expect_err("its own");
            assert!(matches!(error, LockError::NotInstalled { .. }), "{error}");
        }
    }
    let ended = began.elapsed();
    assert!(
        ended < HOLD,
        "{end:?} took {ended:?}: the machine is too slow"
    );
    // The same client, which still has to send the release, and another.
    for client in [&client, &other] {
        let busy = client
            .scope(job(end, running.clone()))
            .await
            .expect_err("it stays");
        assert!(busy.is_busy() && began.elapsed() < SLACK, "{busy}");
    }
    while is_taken(&other, end).await {
        assert!(began.elapsed() < SLACK, "{end:?}");
        sleep(Duration::from_millis(5)).await;
    }
    assert!(began.elapsed() >= HOLD, "{end:?}: {:?}", began.elapsed());
}

/// Looks, and leaves nothing.
async fn is_taken(client: &LockClient, end: End) -> bool {
    let taken = client.lock(format!("job:{end:?}")).acquire().await;
    match taken {
        Ok(guard) => {
            guard.release().await.expect("ours");
            false
        }
        Err(error) if error.is_busy() => true,
        Err(error) => panic!("{error}"),
    }
}

async fn all_stay(client: LockClient, other: LockClient) {
    let ends = ENDS.map(|end| tokio::spawn(stays(client.clone(), other.clone(), end)));
    for end in ends {
        end.await.expect("no panic");
    }
    assert_eq!(client.lost_after_return(), 0);
    let rest = timeout(SLACK, client.shutdown(SLACK)).await;
    assert!(rest.expect("in time").is_empty());
}

fn in_memory(store: impl LockStore + Clone, release: ReleaseMode) -> LockClient {
    let builder = LockClient::builder().release(release);
    builder.store(store).expect("settings")
}

async fn connected(prefix: &str, release: ReleaseMode) -> LockClient {
    let builder = LockClient::builder().prefix(prefix).release(release);
    let client = builder.connect(&Server::shared().url()).await;
    client.expect("the server answers")
}

#[tokio::test(start_paused = true)]
async fn in_memory_the_key_stays() {
    for release in [ReleaseMode::Answered, ReleaseMode::Background] {
        let store = MemoryStore::new();
        let client = in_memory(store.clone(), release);
        all_stay(client, in_memory(store, release)).await;
    }
}

#[tokio::test]
async fn on_a_server_the_key_stays() {
    let (mode, prefix) = (ReleaseMode::Answered, "stays:");
    all_stay(connected(prefix, mode).await, connected(prefix, mode).await).await;
}

#[tokio::test]
async fn on_a_server_the_key_stays_that_is_given_back_in_the_background() {
    let (mode, prefix) = (ReleaseMode::Background, "stays in the background:");
    all_stay(connected(prefix, mode).await, connected(prefix, mode).await).await;
}
