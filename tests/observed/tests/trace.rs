//! Spans and events of guarded calls.

use std::time::Duration;

use lock_runtime::{LockClient, LockError, MemoryStore, distributed_lock, skip};
use observed::Tree;
use tokio::time::sleep;
use tracing::Instrument;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;

/// A tree of what this thread's runtime is told at `level`.
fn tree(level: LevelFilter) -> (Tree, DefaultGuard) {
    let tree = Tree::default();
    let subscriber = tracing_subscriber::registry().with(tree.clone().with_filter(level));
    (tree, tracing::subscriber::set_default(subscriber))
}

#[distributed_lock(key = "order:<user_id>", ttl = 10, wait = "5s")]
async fn place_order(user_id: u64) -> Result<u64, LockError> {
    tracing::info!(name: "charged", "the body's own");
    sleep(Duration::from_millis(20)).await;
    tracing::info!(name: "sent", "behind an await");
    Ok(user_id)
}

#[tracing::instrument(skip_all)]
#[distributed_lock(key = "order:<user_id>", ttl = 10)]
async fn instrument_above(user_id: u64) -> Result<u64, LockError> {
    tracing::info!(name: "inside", "");
    sleep(Duration::from_millis(1)).await;
    Ok(user_id)
}

#[distributed_lock(key = "order:<user_id>", ttl = 10)]
#[tracing::instrument(skip_all)]
async fn instrument_below(user_id: u64) -> Result<u64, LockError> {
    tracing::info!(name: "inside", "");
    sleep(Duration::from_millis(1)).await;
    Ok(user_id)
}

#[distributed_lock(key = "report:<day>", ttl = "300ms", renew)]
async fn report(day: &str, takes: Duration) -> Result<(), LockError> {
    let _ = day;
    sleep(takes).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_bodys_events_are_inside_and_what_runs_beside_is_not() {
    let (tree, _default) = tree(LevelFilter::DEBUG);
    let client = LockClient::in_memory();
    let beside = async {
        sleep(Duration::from_millis(10)).await;
        tracing::info!(name: "beside", "another task, while the body sleeps");
    };
    let (placed, ()) = tokio::join!(client.scope(place_order(42)), beside);
    placed.expect("free");
    assert_eq!(
        tree.shape(),
        [
            "distributed_lock",
            "  - lock.acquired",
            "  - charged",
            "  - sent",
            "  - lock.released",
            "- beside",
        ]
    );
    let text = tree.text();
    println!("{text}");
    let span = text.lines().next().expect("a span");
    assert!(span.contains(r#"lock.key="order:<user_id>""#), "{text}");
    assert!(span.contains(r#"lock.name="trace::place_order""#), "{text}");
    assert!(span.ends_with(r#"lock.outcome="done""#), "{text}");
    assert!(text.contains(r#"lock.release="deleted""#), "{text}");
    assert_eq!(tree.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_attribute_that_stands_below_is_the_outer_span() {
    let (tree, _default) = tree(LevelFilter::INFO);
    let client = LockClient::in_memory();
    let call = client.scope(instrument_above(1));
    call.await.expect("free");
    let above = tree.shape();
    println!("{}", above.join("\n"));
    let call = client.scope(instrument_below(1));
    call.await.expect("free");
    let below = &tree.shape()[above.len()..];
    println!("{}", below.join("\n"));
    assert_eq!(
        above,
        ["distributed_lock", "  instrument_above", "    - inside"]
    );
    assert_eq!(
        below,
        ["instrument_below", "  distributed_lock", "    - inside"]
    );
}

#[tokio::test(start_paused = true)]
async fn rendered_keys_are_told_at_debug_alone() {
    let info = Tree::default();
    let debug = Tree::default();
    let subscriber = tracing_subscriber::registry()
        .with(info.clone().with_filter(LevelFilter::INFO))
        .with(debug.clone().with_filter(LevelFilter::DEBUG));
    let _default = tracing::subscriber::set_default(subscriber);
    let client = LockClient::in_memory();
    let held = client.lock("order:4711").acquire().await.expect("free");
    let release = async {
        sleep(Duration::from_secs(1)).await;
        held.release().await.expect("ours");
    };
    let (placed, ()) = tokio::join!(client.scope(place_order(4711)), release);
    placed.expect("handed over");
    assert!(!info.text().contains("4711"), "{}", info.text());
    assert!(debug.text().contains("lock:order:4711"), "{}", debug.text());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_and_is_handed_the_lock() {
    let (tree, _default) = tree(LevelFilter::DEBUG);
    let client = LockClient::in_memory();
    let first = client.scope(place_order(1));
    let second = async {
        sleep(Duration::from_millis(5)).await;
        client.scope(place_order(1)).await
    };
    let (first, second) = tokio::join!(first, second);
    first.and(second).expect("one after the other");
    println!("{}", tree.text());
    assert_eq!(
        tree.shape(),
        [
            "distributed_lock",
            "  - lock.acquired",
            "  - charged",
            "  - sent",
            "  - lock.released",
            "distributed_lock",
            "  - lock.waiting",
            "  - lock.handed_over",
            "  - lock.acquired",
            "  - charged",
            "  - sent",
            "  - lock.released",
        ]
    );
    let text = tree.text();
    assert!(text.contains(r#"lock.release="handed_over""#), "{text}");
    assert!(text.contains(r#"lock.from="this_client""#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_renewed_and_then_lost() {
    let (tree, _default) = tree(LevelFilter::DEBUG);
    let store = MemoryStore::new();
    let client = LockClient::builder().store(store.clone()).expect("sound");
    let thief = async {
        sleep(Duration::from_millis(150)).await;
        store.remove("lock:report:monday");
    };
    let call = client.scope(report("monday", Duration::from_secs(2)));
    let (lost, ()) = tokio::join!(call, thief);
    assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
    println!("{}", tree.text());
    assert_eq!(
        tree.shape(),
        [
            "distributed_lock",
            "  - lock.acquired",
            "  - lock.renewed",
            "  - lock.lost",
            "  - lock.released",
        ]
    );
    let text = tree.text();
    let span = text.lines().next().expect("a span");
    assert!(span.ends_with(r#"lock.outcome="lost""#), "{text}");
    assert!(text.contains(r#"lock.release="missing""#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn calls_that_end_otherwise_say_how() {
    let (tree, _default) = tree(LevelFilter::DEBUG);
    let client = LockClient::in_memory();
    // Cancelled in its body: the release is told inside of its span, too.
    let call = client.scope(place_order(7));
    let cut = tokio::time::timeout(Duration::from_millis(5), call).await;
    cut.expect_err("cancelled");
    let none = place_order(8).await;
    assert!(matches!(none, Err(LockError::NotInstalled { .. })));
    assert!(client.shutdown(Duration::from_secs(1)).await.is_empty());
    let shut = client.scope(place_order(9)).await;
    assert!(matches!(shut, Err(LockError::ShutDown { .. })));
    let text = tree.text();
    println!("{text}");
    assert_eq!(
        tree.shape(),
        [
            "distributed_lock",
            "  - lock.acquired",
            "  - charged",
            "  - lock.released",
            "distributed_lock",
            "  - lock.not_acquired",
            "distributed_lock",
            "  - lock.not_acquired",
        ]
    );
    for outcome in ["cancelled", "not_installed", "shut_down"] {
        let told = format!(r#"lock.outcome="{outcome}""#);
        assert!(text.contains(&told), "{outcome}: {text}");
    }
    assert_eq!(tree.open(), 0);
}

#[distributed_lock(key = "nightly:<day>", ttl = 10, or_else = skip)]
async fn nightly(day: &str) -> Option<()> {
    let _ = day;
    Some(())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_left_out_is_told_at_debug_with_the_holder() {
    let (tree, _default) = tree(LevelFilter::DEBUG);
    let client = LockClient::in_memory();
    let held = client.lock("nightly:monday").name("another_host");
    let held = held.acquire().await.expect("free");
    assert_eq!(client.scope(nightly("monday")).await, None);
    let text = tree.text();
    println!("{text}");
    assert_eq!(
        tree.shape(),
        [
            "- lock.acquired",
            "distributed_lock",
            "  - lock.not_acquired"
        ]
    );
    let event = text.lines().last().expect("an event");
    for told in [
        r#"lock.key="nightly:<day>""#,
        r#"lock.name="trace::nightly""#,
        r#"lock.outcome="busy""#,
        "lock:nightly:monday",
        "another_host",
    ] {
        assert!(event.contains(told), "{told}: {event}");
    }
    held.release().await.expect("ours");
}

#[tokio::test(start_paused = true)]
async fn a_lock_taken_by_hand_tells_its_events_where_its_user_is() {
    let (tree, _default) = tree(LevelFilter::DEBUG);
    let client = LockClient::in_memory();
    let request = client.lock("shelf:3").name("move_stock");
    let acquired = request.acquire().instrument(tracing::info_span!("by_hand"));
    let guard = acquired.await.expect("free");
    assert_eq!(tree.open(), 0, "a guard keeps no span of its user's open");
    guard.release().await.expect("ours");
    assert_eq!(
        tree.shape(),
        ["by_hand", "  - lock.acquired", "- lock.released"]
    );
    assert!(tree.text().contains(r#"lock.name="move_stock""#));
    assert!(!tree.text().contains("lock.key"));
}
