use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lock_runtime::testing::LockDouble;
use lock_runtime::{Holder, LockError, Ownership, distributed_lock};
use tokio::time::{Instant, sleep};

use crate::{SECOND, found, order, renewed};

#[distributed_lock(key = "order:<id>", ttl = 10, on_lost = "finish")]
async fn finished(id: u32, length: Duration) -> Result<u32, LockError> {
    sleep(length).await;
    Ok(id)
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_lost_after_so_long_and_the_next_is_kept() {
    let double = LockDouble::new();
    double.lose_after("order:1", 3 * SECOND);
    // It counts from the moment when the lock is taken.
    sleep(7 * SECOND).await;
    let began = Instant::now();
    let lost = double.client().scope(order(1, 5 * SECOND)).await;
    assert_eq!(found(lost), Ownership::Free);
    assert_eq!(began.elapsed(), 3 * SECOND);
    let kept = double.client().scope(order(1, 5 * SECOND)).await;
    assert_eq!(kept.ok(), Some(1));
    double.lose_after("order:1", 3 * SECOND);
    let other = double.client().scope(order(2, 5 * SECOND)).await;
    assert_eq!(other.ok(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_held_lock_is_lost_so_long_from_now() {
    let double = LockDouble::new();
    let guard = double.client().lock("a").acquire().await.expect("free");
    sleep(SECOND).await;
    double.lose_after("a", 2 * SECOND);
    let began = Instant::now();
    guard.lost().await;
    assert_eq!(began.elapsed(), 2 * SECOND);
    assert!(!double.is_held("a"));
    // The next is not concerned.
    drop(guard);
    let guard = double.client().lock("a").acquire().await.expect("free");
    sleep(5 * SECOND).await;
    assert!(double.is_held("a"));
    guard.release().await.expect("ours");
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_lost_in_the_middle_and_its_thief_is_named() {
    let double = LockDouble::new();
    let client = double.client();
    for robbed in [false, true] {
        let call = tokio::spawn(client.scope(order(1, 5 * SECOND)));
        double.until_held("order:1").await;
        sleep(SECOND).await;
        if robbed {
            double.busy("order:1", "web-2");
        }
        double.lose("order:1");
        let found = found(call.await.expect("no panic"));
        match found {
            Ownership::Free => assert!(!robbed),
            Ownership::Other(Holder::Owner(owner)) => assert_eq!(owner.host, "web-2"),
            other => panic!("{other:?}"),
        }
        assert_eq!(double.holder("order:1").is_some(), robbed);
        assert!(double.left().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_to_finish_runs_on_and_its_lock_is_lost() {
    let double = LockDouble::new();
    double.lose_after("order:1", SECOND);
    let began = Instant::now();
    let lost = double.client().scope(finished(1, 5 * SECOND)).await;
    assert_eq!(found(lost), Ownership::Free);
    assert_eq!(began.elapsed(), 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_lost_at_once_begins_nothing() {
    #[distributed_lock(key = "order:<id>", ttl = 10, on_lost = "finish")]
    async fn begun(id: u32, begun: Arc<AtomicBool>) -> Result<u32, LockError> {
        begun.store(true, Ordering::Relaxed);
        Ok(id)
    }
    let double = LockDouble::new();
    double.lose_after("order:1", Duration::ZERO);
    let flag = Arc::new(AtomicBool::new(false));
    let lost = double.client().scope(begun(1, flag.clone())).await;
    assert_eq!(found(lost), Ownership::Free);
    assert!(!flag.load(Ordering::Relaxed));
    assert_eq!(double.acquired("order:1"), 1);
    assert_eq!(double.released("order:1"), 0);
}

#[test]
#[should_panic(expected = "the double's client does not hold `order:1`")]
fn nothing_can_be_lost_that_is_not_held() {
    LockDouble::new().lose("order:1");
}

#[tokio::test(start_paused = true)]
async fn a_stolen_lock_is_noticed_by_its_renewal_or_its_release() {
    let double = LockDouble::new();
    for by_renewal in [true, false] {
        let began = Instant::now();
        let client = double.client();
        let call = async {
            if by_renewal {
                client.scope(renewed(1, 5 * SECOND)).await
            } else {
                client.scope(order(1, 5 * SECOND)).await
            }
        };
        let theft = async {
            double.until_held("order:1").await;
            sleep(SECOND / 2).await;
            double.busy("order:1", "web-2");
        };
        let (lost, ()) = tokio::join!(call, theft);
        assert!(matches!(found(lost), Ownership::Other(_)));
        let noticed = if by_renewal { SECOND } else { 5 * SECOND };
        assert_eq!(began.elapsed(), noticed);
        double.free("order:1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_is_lost_from_another_thread() {
    let double = LockDouble::new();
    for id in 0..20 {
        let call = tokio::spawn(double.client().scope(order(id, 8 * SECOND)));
        let key = format!("order:{id}");
        double.until_held(&key).await;
        let thief = double.clone();
        let theft = std::thread::spawn(move || thief.lose(&key));
        let asked = Instant::now();
        assert_eq!(found(call.await.expect("no panic")), Ownership::Free);
        assert!(asked.elapsed() < 5 * SECOND, "{:?}", asked.elapsed());
        theft.join().expect("it was held");
    }
    assert!(double.left().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_lost_by_what_its_own_body_calls() {
    #[distributed_lock(key = "order:<id>", ttl = 10)]
    async fn paid(id: u32, double: &LockDouble, length: Duration) -> Result<u32, LockError> {
        sleep(SECOND).await;
        double.lose("order:1");
        if !length.is_zero() {
            sleep(length).await;
            panic!("it was polled without its lock");
        }
        Ok(id)
    }
    let double = LockDouble::new();
    for length in [SECOND, Duration::ZERO] {
        let began = Instant::now();
        let lost = double.client().scope(paid(1, &double, length)).await;
        assert_eq!(found(lost), Ownership::Free);
        assert_eq!(began.elapsed(), SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_was_given_back_is_not_held_though_its_lease_is_watched() {
    let double = LockDouble::new();
    let guard = double.client().lock("a").acquire().await.expect("free");
    let watch = tokio::spawn(guard.lost());
    assert!(double.is_held("a"));
    guard.release().await.expect("ours");
    assert!(!double.is_held("a"));
    // It concerns the next holder.
    double.lose_after("a", 3 * SECOND);
    watch.await.expect("it ends with its lease");
    let guard = double.client().lock("a").acquire().await.expect("free");
    let began = Instant::now();
    guard.lost().await;
    assert_eq!(began.elapsed(), 3 * SECOND);
}
