//! Bodies that come slowly: read before the lock is asked for, or under a lease that ends.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::sleep;
use web_tests::http::{answer, get, posting, send};
use web_tests::world::World;
use web_tests::{actix_app, axum_app};

const FORM: &str = "id=7&note=slow";

#[tokio::test]
async fn a_form_that_comes_slowly_holds_no_lock() {
    let world = World::start().await;
    let axum = axum_app::start(world.clone()).await;
    let actix = actix_app::start(&world, true);
    for port in [axum, actix] {
        let mut slow = send(port, &posting("/form", FORM.len())).await;
        for part in FORM.as_bytes().chunks(4) {
            slow.write_all(part).await.expect("sent");
            sleep(Duration::from_millis(50)).await;
            // Somebody else's, in the meantime.
            assert_eq!(get(port, "/orders/7").await.status, 200);
        }
        let answer = answer(slow).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "lock:order:7"));
    }
}

#[tokio::test]
async fn a_form_that_was_sent_while_the_lock_was_held_is_refused_when_it_has_come() {
    let world = World::start().await;
    let axum = axum_app::start(world.clone()).await;
    let actix = actix_app::start(&world, true);
    let held = world.locks.lock("order:7").acquire().await.expect("free");
    for port in [axum, actix] {
        let mut slow = send(port, &posting("/form", FORM.len())).await;
        slow.write_all(b"id=7&note").await.expect("sent");
        sleep(Duration::from_millis(100)).await;
        slow.write_all(b"=slow").await.expect("sent");
        assert_eq!(answer(slow).await.status, 409);
    }
    held.release().await.expect("ours");
}

/// Who reads a body inside the lock is cut off with the lease, however slow its client is.
#[tokio::test]
async fn a_body_that_is_read_inside_the_lock_ends_with_the_lease() {
    let world = World::start().await;
    let axum = axum_app::start(world.clone()).await;
    let actix = actix_app::start(&world, true);
    for port in [axum, actix] {
        let mut slow = send(port, &posting("/upload/8", 1_000_000)).await;
        slow.write_all(b"some of it").await.expect("sent");
        world.until_keys(|keys| keys == ["lock:order:8"]).await;
        assert_eq!(get(port, "/orders/8").await.status, 409);
        world.until_keys(<[String]>::is_empty).await;
        assert_eq!(get(port, "/orders/8").await.status, 200);
        let answer = answer(slow).await;
        assert_eq!(answer.status, 500, "{answer:?}");
        assert!(answer.body.contains("urn:lock-runtime:lost"), "{answer:?}");
    }
}
