//! Each metric says what happened, to a real exporter from a real server.

use std::fs;
use std::process::Command;
use std::time::Duration;

use lock_runtime::metrics::METRICS;
use lock_runtime::{LockClient, LockError, distributed_lock};
use metrics_exporter_prometheus::PrometheusHandle;
use observed::{Export, exporter, folder, names_are_exported, program};
use redis::cmd;
use tests::Server;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

const ORDER: (&str, &str) = ("lock", "order:<user_id>");

#[distributed_lock(key = "order:<user_id>", ttl = 10, wait = "10s")]
async fn place_order(user_id: u64, takes: Duration) -> Result<u64, LockError> {
    sleep(takes).await;
    Ok(user_id)
}

#[distributed_lock(key = "order:<user_id>", ttl = 10)]
async fn order_or_leave(user_id: u64) -> Result<u64, LockError> {
    Ok(user_id)
}

#[distributed_lock(key = "report:<day>", ttl = "600ms", renew)]
async fn report(day: &str, takes: Duration) -> Result<(), LockError> {
    let _ = day;
    sleep(takes).await;
    Ok(())
}

#[distributed_lock(key = "report:<day>", ttl = "600ms", renew = "900ms")]
async fn hung_report(day: &str) -> Result<(), LockError> {
    let _ = day;
    std::future::pending().await
}

#[distributed_lock(key = "outer", ttl = 10)]
async fn outer() -> Result<(), LockError> {
    inner().await
}

#[distributed_lock(key = "outer", ttl = 10, wait = "1s")]
async fn inner() -> Result<(), LockError> {
    Ok(())
}

async fn connected(url: &str) -> LockClient {
    let client = LockClient::builder().command_deadline(Duration::from_millis(300));
    client.connect(url).await.expect("the server answers")
}

/// One test, for there is one recorder a process.
#[test]
fn every_metric_says_what_happened_and_the_dashboard_asks_for_it() {
    let exporter = exporter();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        outcomes(&exporter).await;
        hand_overs(&exporter).await;
        losses(&exporter).await;
        failures(&exporter).await;
        fallbacks(&exporter).await;
    });
    let export = Export::of(&exporter);
    println!("{}", export.short());
    names_are_exported(&export);
    let labels = export.values("lock");
    let known = [
        "order:<user_id>",
        "report:<day>",
        "outer",
        "shelf",
        "fragile",
        "denied",
    ];
    assert_eq!(labels.into_iter().collect::<Vec<_>>(), {
        let mut known = known;
        known.sort_unstable();
        known
    });
    for now in ["lock_held", "lock_waiting"] {
        assert!(export.sum(now, &[]).abs() < f64::EPSILON, "{now} is over");
    }
    let taken = export.sum("lock_acquisitions_total", &[("outcome", "acquired")]);
    for each in ["lock_wait_seconds_count", "lock_hold_seconds_count"] {
        assert_eq!(export.sum(each, &[]).to_bits(), taken.to_bits(), "{each}");
    }
}

fn count(exporter: &PrometheusHandle, name: &str, labels: &[(&str, &str)]) -> f64 {
    Export::of(exporter).sum(name, labels)
}

#[track_caller]
fn assert_count(exporter: &PrometheusHandle, name: &str, labels: &[(&str, &str)], wanted: f64) {
    let export = Export::of(exporter);
    let found = export.sum(name, labels);
    assert!(
        (found - wanted).abs() < 0.5,
        "{name} {labels:?}: {found}\n{}",
        export.short()
    );
}

/// Until it is so many.
async fn reaches(exporter: &PrometheusHandle, name: &str, labels: &[(&str, &str)], wanted: f64) {
    let reached = async {
        while (count(exporter, name, labels) - wanted).abs() > 0.5 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let reached = timeout(Duration::from_secs(20), reached).await;
    assert!(
        reached.is_ok(),
        "{name} {labels:?}: {}",
        count(exporter, name, labels)
    );
}

async fn outcomes(exporter: &PrometheusHandle) {
    let client = connected(&Server::shared().url()).await;
    let outcome = |outcome: &'static str| [ORDER, ("outcome", outcome)];
    for _ in 0..3 {
        let placed = client.scope(place_order(1, Duration::ZERO)).await;
        placed.expect("free");
    }
    assert_count(
        exporter,
        "lock_acquisitions_total",
        &outcome("acquired"),
        3.0,
    );

    let held = client.lock("order:1").name("shelf").acquire().await;
    let held = held.expect("free");
    assert_count(exporter, "lock_held", &[("lock", "shelf")], 1.0);
    client.scope(order_or_leave(1)).await.expect_err("busy");
    assert_count(exporter, "lock_acquisitions_total", &outcome("busy"), 1.0);
    let cut = timeout(
        Duration::from_millis(50),
        client.scope(place_order(1, Duration::ZERO)),
    );
    cut.await.expect_err("cancelled");
    assert_count(
        exporter,
        "lock_acquisitions_total",
        &outcome("cancelled"),
        1.0,
    );
    let waits = client
        .lock("order:1")
        .name("shelf")
        .wait(Duration::from_millis(50));
    waits.acquire().await.expect_err("still busy");
    let timed_out = [("lock", "shelf"), ("outcome", "wait_timeout")];
    assert_count(exporter, "lock_acquisitions_total", &timed_out, 1.0);
    sleep(Duration::from_millis(50)).await;
    held.release().await.expect("ours");
    assert_count(exporter, "lock_held", &[("lock", "shelf")], 0.0);
    let length = count(exporter, "lock_hold_seconds_sum", &[("lock", "shelf")]);
    assert!((0.05..20.0).contains(&length), "{length}");

    place_order(1, Duration::ZERO).await.expect_err("no client");
    assert_count(
        exporter,
        "lock_acquisitions_total",
        &outcome("not_installed"),
        1.0,
    );
    client
        .lock("")
        .name("shelf")
        .acquire()
        .await
        .expect_err("no key");
    let invalid = [("lock", "shelf"), ("outcome", "invalid_key")];
    assert_count(exporter, "lock_acquisitions_total", &invalid, 1.0);
    client.scope(outer()).await.expect_err("would deadlock");
    let deadlock = [("lock", "outer"), ("outcome", "would_deadlock")];
    assert_count(exporter, "lock_acquisitions_total", &deadlock, 1.0);
    let crowded = LockClient::builder().max_waiters(1);
    let crowded = crowded.connect(&Server::shared().url()).await.expect("up");
    let held = client.lock("order:1").name("shelf").acquire().await;
    let held = held.expect("free");
    let waits = crowded.scope(place_order(1, Duration::ZERO));
    let refused = async {
        reaches(exporter, "lock_waiting", &[ORDER], 1.0).await;
        let refused = crowded.scope(place_order(1, Duration::ZERO)).await;
        assert!(matches!(refused, Err(LockError::TooManyWaiters { .. })));
        held.release().await.expect("ours");
    };
    let (placed, ()) = tokio::join!(waits, refused);
    placed.expect("released");
    assert_count(
        exporter,
        "lock_acquisitions_total",
        &outcome("too_many_waiters"),
        1.0,
    );
}

async fn hand_overs(exporter: &PrometheusHandle) {
    let url = Server::shared().url();
    let (client, other) = (connected(&url).await, connected(&url).await);
    let held = client.lock("order:2").name("shelf").acquire().await;
    let held = held.expect("free");
    let short = Duration::from_millis(5);
    let here = client.scope(place_order(2, short));
    let release = async {
        reaches(exporter, "lock_waiting", &[ORDER], 1.0).await;
        held.release().await.expect("ours");
    };
    let (placed, ()) = tokio::join!(here, release);
    placed.expect("handed over");
    let from = |from: &'static str| [ORDER, ("from", from)];
    assert_count(
        exporter,
        "lock_handed_over_total",
        &from("this_client"),
        1.0,
    );
    assert_count(exporter, "lock_waiting", &[ORDER], 0.0);

    let before = count(exporter, "lock_handed_over_total", &from("other_client"));
    let held = client.lock("order:3").name("shelf").acquire().await;
    let held = held.expect("free");
    let there = other.scope(place_order(3, short));
    let release = async {
        reaches(exporter, "lock_waiting", &[ORDER], 1.0).await;
        // It joins the line on the server next.
        sleep(Duration::from_millis(300)).await;
        held.release().await.expect("ours");
    };
    let (placed, ()) = tokio::join!(there, release);
    placed.expect("passed on");
    assert_count(
        exporter,
        "lock_handed_over_total",
        &from("other_client"),
        before + 1.0,
    );
}

async fn losses(exporter: &PrometheusHandle) {
    let client = connected(&Server::shared().url()).await;
    let name = ("lock", "report:<day>");
    let call = client.scope(report("monday", Duration::from_secs(1)));
    call.await.expect("renewed");
    let extended = [name, ("outcome", "extended")];
    let renewals = count(exporter, "lock_renewals_total", &extended);
    assert!(renewals >= 2.0, "{renewals}");

    let mut stranger = Server::shared().raw().await;
    let thief = async {
        sleep(Duration::from_millis(100)).await;
        let delete = cmd("DEL").arg("lock:report:tuesday").to_owned();
        let () = delete.query_async(&mut stranger).await.expect("deleted");
    };
    let call = client.scope(report("tuesday", Duration::from_secs(5)));
    let (lost, ()) = tokio::join!(call, thief);
    assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
    assert_count(exporter, "lock_lost_total", &[name], 1.0);
    let refused = [name, ("outcome", "refused")];
    assert_count(exporter, "lock_renewals_total", &refused, 1.0);

    // A body that hangs, while others of its template come and go, is lost at its longest hold.
    let beside = client.scope(report("friday", Duration::ZERO));
    let (lost, beside) = tokio::join!(client.scope(hung_report("thursday")), beside);
    assert!(matches!(lost, Err(LockError::Lost { .. })), "{lost:?}");
    beside.expect("another key");
    assert_count(exporter, "lock_lost_total", &[name], 2.0);

    // A guard that is dropped after its lease.
    let guard = client
        .lock("shelf:9")
        .name("shelf")
        .ttl(Duration::from_millis(50));
    let guard = guard.acquire().await.expect("free");
    guard.lost().await;
    drop(guard);
    assert_count(exporter, "lock_lost_total", &[("lock", "shelf")], 1.0);
}

async fn failures(exporter: &PrometheusHandle) {
    let server = Server::start(&[]);
    let client = connected(&server.url()).await;
    let fragile = |client: &LockClient| {
        let request = client.lock("fragile").name("fragile");
        request.ttl(Duration::from_millis(500))
    };
    let held = fragile(&client).acquire().await.expect("free");
    server.kill();
    held.release().await.expect_err("nobody answers");
    fragile(&client)
        .acquire()
        .await
        .expect_err("nobody answers");
    let failed = [("lock", "fragile"), ("outcome", "backend")];
    assert_count(exporter, "lock_acquisitions_total", &failed, 1.0);
    let left = [("lock", "fragile"), ("reason", "unanswered")];
    reaches(exporter, "lock_release_failures_total", &left, 1.0).await;
}

async fn fallbacks(exporter: &PrometheusHandle) {
    let to = |to: &'static str| [("to", to)];
    if Server::compare_and_delete().is_none() {
        let scripts = count(exporter, "lock_fallbacks_total", &to("release_by_script"));
        assert!(scripts >= 1.0, "{scripts}");
    }
    let server = Server::start(&[]);
    let mut admin = server.raw().await;
    let mut user = cmd("ACL");
    user.arg("SETUSER").arg("locks").arg("on").arg(">secret");
    user.arg("-@all").arg("~lock:*");
    for command in [
        "+set", "+get", "+del", "+pexpire", "+pttl", "+eval", "+evalsha",
    ] {
        user.arg(command);
    }
    let () = user.query_async(&mut admin).await.expect("a user");
    let url = server.url().replace("redis://", "redis://locks:secret@");
    let (client, other) = (connected(&url).await, connected(&url).await);
    let denied = |client: &LockClient| client.lock("a").name("denied");
    let held = denied(&client).acquire().await.expect("free");
    let told = Notify::new();
    let waits = async {
        let request = denied(&other).wait(Duration::from_secs(10));
        told.notify_one();
        let guard = request.acquire().await.expect("it polls");
        guard.release().await.expect("ours");
    };
    let release = async {
        told.notified().await;
        sleep(Duration::from_millis(500)).await;
        held.release().await.expect("ours");
    };
    tokio::join!(waits, release);
    let polls = count(exporter, "lock_fallbacks_total", &to("polling"));
    assert!(polls >= 1.0, "{polls}");
}

#[test]
fn the_table_names_every_metric_with_its_labels() {
    let table = fs::read_to_string(folder().join("README.md")).expect("text");
    for metric in METRICS {
        let labels = metric.labels.iter().map(|label| format!("`{label}`"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let row = format!("| `{}` | {kind} | {labels} |", metric.name);
        assert!(table.contains(&row), "{row}");
    }
    let rules = fs::read_to_string(folder().join("rules.yml")).expect("text");
    for alert in rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        assert!(table.contains(&format!("\n### {alert}\n")), "{alert}");
    }
    let query = table.split("```promql\n").nth(1);
    let query = query.and_then(|rest| rest.lines().next()).expect("a query");
    let tested = fs::read_to_string(folder().join("rules.test.yml")).expect("text");
    assert!(tested.contains(query), "{query}");
}

#[test]
fn the_rules_are_sound_and_fire_when_they_should() {
    let Some(promtool) = program("promtool") else {
        return;
    };
    for words in [
        ["check", "rules", "rules.yml"],
        ["test", "rules", "rules.test.yml"],
    ] {
        let checked = Command::new(&promtool)
            .args(words)
            .current_dir(folder())
            .output();
        let checked = checked.expect("it runs");
        let told = [checked.stdout, checked.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        println!("{told}");
        assert!(checked.status.success(), "{told}");
    }
}
