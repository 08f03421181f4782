//! Calls that would wait for a lock from inside the body that holds it, and those that only look so.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lock_runtime::{LockClient, LockError, distributed_lock};
use tests::Server;
use tokio::time::{Instant, sleep};

const WAIT: Duration = Duration::from_secs(5);

/// What a body does with the client under whose lock it runs.
#[distributed_lock(key = "<key>", ttl = 10, wait = WAIT, client = client)]
async fn outer<T>(
    client: &LockClient,
    key: &str,
    body: impl AsyncFnOnce(&LockClient) -> T,
) -> Result<T, LockError> {
    Ok(body(client).await)
}

#[distributed_lock(key = "<key>", ttl = 10, wait = WAIT, client = client)]
async fn inner(client: &LockClient, key: &str) -> Result<(), LockError> {
    sleep(Duration::from_millis(10)).await;
    Ok(())
}

#[distributed_lock(key = "<key>", ttl = 1, on_lost = "finish", client = client)]
async fn outlived(client: &LockClient, key: &str) -> Result<(), LockError> {
    sleep(Duration::from_secs(2)).await;
    let began = Instant::now();
    assert!(inner(client, key).await.is_ok(), "the lease is over");
    assert!(began.elapsed() < WAIT);
    Ok(())
}

fn assert_deadlock(result: &Result<(), LockError>) {
    let Err(error @ LockError::WouldDeadlock { key, function }) = result else {
        panic!("{result:?}");
    };
    assert_eq!(key, "lock:a");
    assert_eq!(*function, "deadlock::outer");
    let told = error.to_string();
    assert!(
        told.contains("`lock:a` would deadlock: `deadlock::outer`"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_would_wait_for_its_own_caller_is_refused_at_once() {
    let client = LockClient::in_memory();
    let began = Instant::now();
    let refused = outer(&client, "a", async |client: &LockClient| {
        inner(client, "a").await
    })
    .await;
    assert_deadlock(&refused.expect("the outer call itself is well"));
    assert_eq!(began.elapsed(), Duration::ZERO);
    // The outer lock was not harmed.
    inner(&client, "a").await.expect("free again");
}

#[tokio::test(start_paused = true)]
async fn a_request_by_hand_is_refused_as_well() {
    let client = LockClient::in_memory();
    let refused = outer(&client, "a", async |client: &LockClient| {
        let request = client.lock("a").wait(WAIT);
        request.acquire().await.map(drop)
    });
    assert_deadlock(&refused.await.expect("the outer call itself is well"));
}

#[tokio::test(start_paused = true)]
async fn the_holder_is_found_through_bodies_in_between() {
    let client = LockClient::in_memory();
    let refused = outer(&client, "a", async |client: &LockClient| {
        let nested = outer(client, "b", async |client: &LockClient| {
            inner(client, "a").await
        });
        Box::pin(nested).await.expect("b is free")
    });
    assert_deadlock(&refused.await.expect("the outer call itself is well"));
}

#[tokio::test(start_paused = true)]
async fn a_try_without_wait_stays_busy() {
    let client = LockClient::in_memory();
    let tried = outer(&client, "a", async |client: &LockClient| {
        client.lock("a").acquire().await.map(drop)
    });
    let tried = tried.await.expect("the outer call itself is well");
    assert!(matches!(tried, Err(LockError::Busy { .. })), "{tried:?}");
}

#[tokio::test]
async fn a_busy_lock_of_this_very_process_is_told_as_that() {
    let client = LockClient::connect(&Server::shared().url())
        .await
        .expect("answers");
    let own = client.lock("own").acquire().await.expect("free");
    let mut stranger = Server::shared().raw().await;
    // As a process before this one with its number would have left it, and as one of another number.
    let token = own.token().as_str();
    let changed = |at: usize, value| {
        let mut fields: Vec<&str> = token.split('|').collect();
        fields[at] = value;
        fields.join("|")
    };
    for (key, value) in [("before", changed(4, "1000")), ("another", changed(2, "1"))] {
        let mut set = redis::cmd("SET");
        set.arg(format!("lock:{key}")).arg(value).arg("EX").arg(60);
        set.exec_async(&mut stranger)
            .await
            .expect("the server obeys");
    }
    for key in ["own", "before", "another"] {
        for wait in [Duration::ZERO, Duration::from_millis(50)] {
            let error = client.lock(key).wait(wait).acquire().await;
            let told = error.expect_err("held").to_string();
            println!("{told}");
            let remedy = if wait.is_zero() {
                "try again later or give the call a `wait`"
            } else {
                "try again later or wait longer"
            };
            assert!(told.contains(remedy), "{told}");
            let here = "that is this process";
            assert_eq!(told.contains(here), key == "own", "{told}");
            assert_eq!(told.contains("take the lock once"), key == "own", "{told}");
        }
    }
    own.release().await.expect("ours");
}

#[tokio::test(start_paused = true)]
async fn another_key_and_another_client_are_not_inside() {
    let client = LockClient::in_memory();
    let done = outer(&client, "a", async |client: &LockClient| {
        inner(client, "b").await?;
        inner(&LockClient::in_memory(), "a").await
    });
    done.await.expect("free").expect("free");
}

#[tokio::test(start_paused = true)]
async fn siblings_under_join_are_not_inside() {
    let client = LockClient::in_memory();
    let (one, two) = tokio::join!(inner(&client, "a"), inner(&client, "a"));
    one.expect("one after");
    two.expect("the other");
}

#[tokio::test(start_paused = true)]
async fn siblings_under_select_are_not_inside() {
    let client = LockClient::in_memory();
    let slow = outer(&client, "a", async |_: &LockClient| {
        sleep(Duration::from_millis(50)).await;
    });
    let mut slow = std::pin::pin!(slow);
    let mut waiting = std::pin::pin!(inner(&client, "a"));
    tokio::select! {
        biased;
        _ = &mut slow => {}
        done = &mut waiting => panic!("while the other holds it: {done:?}"),
    }
    waiting.await.expect("free by now");
}

#[tokio::test(start_paused = true)]
async fn siblings_in_a_buffer_are_not_inside() {
    let client = LockClient::in_memory();
    let calls = futures_util::stream::iter(0..10).map(|_| inner(&client, "a"));
    let done: Vec<_> = calls.buffer_unordered(4).collect().await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    let calls: FuturesUnordered<_> = (0..10).map(|_| inner(&client, "a")).collect();
    let done: Vec<_> = calls.collect().await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_is_not_inside() {
    let client = LockClient::in_memory();
    let spawned = outer(&client, "a", async |client: &LockClient| {
        let client = client.clone();
        let task = tokio::spawn(async move { inner(&client, "a").await });
        sleep(Duration::from_millis(50)).await;
        Some(task)
    });
    let task = spawned.await.expect("free");
    task.expect("spawned")
        .await
        .expect("no panic")
        .expect("served behind its parent");
}

#[tokio::test(start_paused = true)]
async fn a_guard_held_by_hand_has_no_inside() {
    let client = LockClient::in_memory();
    let guard = client.lock("a").acquire().await.expect("free");
    let (waited, released) = tokio::join!(inner(&client, "a"), async {
        sleep(Duration::from_millis(50)).await;
        guard.release().await
    });
    released.expect("ours");
    waited.expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_body_whose_lease_is_lost_is_not_inside() {
    let client = LockClient::in_memory();
    let ended = outlived(&client, "a").await;
    assert!(matches!(ended, Err(LockError::Lost { .. })), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_panicked_is_not_inside_any_more() {
    let client = LockClient::in_memory();
    let panicking = {
        let client = client.clone();
        tokio::spawn(async move {
            outer(&client, "a", async |_: &LockClient| -> () {
                panic!("on purpose")
            })
            .await
        })
    };
    assert!(panicking.await.is_err());
    // On the same thread.
    inner(&client, "a").await.expect("given back");
}

#[tokio::test(start_paused = true)]
async fn waiters_beyond_the_cap_are_refused_at_once() {
    let builder = LockClient::builder().max_waiters(5).max_waiters_per_key(3);
    let client = builder
        .store(lock_runtime::MemoryStore::new())
        .expect("in range");
    let held = [
        client.lock("a").acquire().await.expect("free"),
        client.lock("b").acquire().await.expect("free"),
    ];
    let wait = |key: &str| tokio::spawn(client.lock(key).wait(WAIT).acquire());
    let waiting: Vec<_> = ["a", "a", "a", "b", "b"].map(wait).into_iter().collect();
    tokio::task::yield_now().await;
    for (key, setting, limit) in [("a", "max_waiters_per_key", 3), ("b", "max_waiters", 5)] {
        let refused = client.lock(key).wait(WAIT).acquire().await;
        let error = refused.expect_err("full");
        let LockError::TooManyWaiters {
            setting: said,
            limit: at,
            ..
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!((*said, *at), (setting, limit));
        let told = error.to_string();
        assert!(
            told.contains(&format!("`lock:{key}`")) && told.contains(setting),
            "{told}"
        );
    }
    let tried = client.lock("a").acquire().await;
    assert!(matches!(tried, Err(LockError::Busy { .. })), "{tried:?}");
    drop(held);
    for waiter in waiting {
        drop(waiter.await.expect("no panic").expect("served"));
    }
    let guard = client.lock("a").wait(WAIT).acquire().await;
    drop(guard.expect("room again"));
    for bad in [
        LockClient::builder().max_waiters(0),
        LockClient::builder().max_waiters_per_key(0),
    ] {
        let refused = bad.store(lock_runtime::MemoryStore::new());
        assert!(
            matches!(refused, Err(LockError::InvalidOptions { .. })),
            "{refused:?}"
        );
    }
}
