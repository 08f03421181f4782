//! Every error, made to happen in every framework, and what its client is told.

use std::sync::Arc;

use tonic::Code;
use web_tests::failing::FAILURES;
use web_tests::http::{self, Answer};
use web_tests::messages::Asked;
use web_tests::world::World;
use web_tests::{actix_app, axum_app, tonic_app};

/// By the last part of the problem's type: HTTP status, gRPC code, and whether to come back.
const EXPECTED: [(&str, u16, Code, bool); 11] = [
    ("busy", 409, Code::Aborted, true),
    ("wait-timeout", 409, Code::Aborted, true),
    ("too-many-waiters", 429, Code::ResourceExhausted, true),
    ("lost", 500, Code::Internal, false),
    ("indeterminate", 503, Code::Unavailable, true),
    ("backend", 503, Code::Unavailable, true),
    ("shut-down", 503, Code::Unavailable, true),
    ("invalid-key", 400, Code::InvalidArgument, false),
    ("would-deadlock", 500, Code::Internal, false),
    ("not-installed", 500, Code::Internal, false),
    ("invalid-options", 500, Code::Internal, false),
];

#[tokio::test]
async fn each_error_over_http_and_grpc() {
    let world = World::start().await;
    let axum = axum_app::start(world.clone()).await;
    let actix = actix_app::start(&world, true);
    let orders = tonic_app::start(world.clone()).await;
    assert_eq!(FAILURES.map(|name| name), EXPECTED.map(|row| row.0));
    println!("| error | axum | actix | tonic | Retry-After | body |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (name, status, code, comes_back) in EXPECTED {
        let path = format!("/fail/{name}");
        let by_axum = http::get(axum, &path).await;
        let by_actix = http::get(actix, &path).await;
        for answer in [&by_axum, &by_actix] {
            assert_eq!(answer.status, status, "{answer:?}");
            check_body(answer, name, status);
        }
        let id = name.to_owned();
        let asked = orders
            .clone()
            .fail(Asked {
                id,
                ..Asked::default()
            })
            .await;
        let told = asked.expect_err("it fails");
        assert_eq!(told.code(), code, "{told:?}");
        let problem = told.metadata().get("problem-type");
        let problem = problem.and_then(|value| value.to_str().ok());
        assert_eq!(problem, Some(format!("urn:lock-runtime:{name}").as_str()));
        says_nothing_of_the_holder(&format!("{told:?}"));
        let in_metadata = told.metadata().get("retry-after");
        let in_metadata = in_metadata.map(|value| value.to_str().expect("a number"));
        for later in [
            by_axum.header("retry-after"),
            by_actix.header("retry-after"),
            in_metadata,
        ] {
            assert_eq!(later.is_some(), comes_back, "{name}: {later:?}");
            let seconds = later.map_or(1, |text| text.parse().expect("a number"));
            assert!((1..=60).contains(&seconds), "{name}: {seconds}");
        }
        println!(
            "| {name} | {} | {} | {} {:?} | {} | {} |",
            by_axum.status,
            by_actix.status,
            i32::from(told.code()),
            told.code(),
            by_axum.header("retry-after").unwrap_or("-"),
            by_axum.body,
        );
    }
    nothing_is_left(&world).await;
}

fn check_body(answer: &Answer, name: &str, status: u16) {
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let json: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(json["type"], format!("urn:lock-runtime:{name}"));
    assert_eq!(json["status"], status);
    let told = json["retry_after"]
        .as_u64()
        .map(|seconds| seconds.to_string());
    assert_eq!(told.as_deref(), answer.header("retry-after"));
    for text in ["title", "detail"] {
        assert!(json[text].as_str().is_some_and(|text| text.len() > 3));
    }
    says_nothing_of_the_holder(&format!("{answer:?}"));
}

/// Neither key nor token nor the function, the process and the host that hold the lock.
fn says_nothing_of_the_holder(told: &str) {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux");
    let pid = std::process::id().to_string();
    for secret in [host.trim(), &pid, "taken", "lock:", "::", "|"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

/// Within some ttl: `stolen` and the like were given back at once.
async fn nothing_is_left(world: &Arc<World>) {
    world.until_keys(<[String]>::is_empty).await;
    assert!(
        world
            .locks
            .shutdown(web_tests::world::PATIENCE)
            .await
            .is_empty()
    );
}

/// The holder's time as its label tells it: 60 s, of which few are over.
#[tokio::test]
async fn a_client_is_told_when_the_holder_will_be_gone() {
    let world = World::start().await;
    let port = axum_app::start(world.clone()).await;
    let answer = http::get(port, "/fail/busy").await;
    let seconds = answer.header("retry-after").map(str::parse::<u64>);
    let Some(Ok(seconds)) = seconds else {
        panic!("{answer:?}");
    };
    assert!((40..=60).contains(&seconds), "{seconds}");
}
