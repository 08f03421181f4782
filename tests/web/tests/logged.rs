//! What stays on the server: the log of each error, at the level that it deserves.

use actix_web::HttpResponse;
use axum::response::IntoResponse;
use lock_runtime::LockError;
use lock_runtime::web::Problem;
use tests::Events;
use tonic::Status;
use tracing::Level;
use tracing::subscriber::with_default;
use web_tests::failing::{FAILURES, fail};
use web_tests::world::World;

/// 4xx: nothing that the service could mend.
const REFUSED: [&str; 4] = ["busy", "wait-timeout", "too-many-waiters", "invalid-key"];

fn logged(answer: impl FnOnce()) -> Vec<String> {
    let events = Events::of(Level::TRACE);
    with_default(events.clone(), answer);
    events.told()
}

#[tokio::test]
async fn a_refusal_is_logged_at_level_debug_and_a_failure_as_an_error() {
    let world = World::start().await;
    for name in FAILURES {
        let failed = world.locks.scope(fail(&world, name)).await;
        let error: LockError = failed.expect_err("it fails");
        let status = format!(" status={} ", Problem::of(&error).status());
        // Behind a comma it may say how long ago something was.
        let text = error.to_string();
        let text = text.split(',').next().expect("some words");
        let told = [
            logged(|| drop(error.clone().into_response())),
            logged(|| drop(HttpResponse::from_error(error.clone()))),
            logged(|| drop(Status::from(error.clone()))),
        ];
        let (level, words) = if REFUSED.contains(&name) {
            ("DEBUG", "a request was refused by its lock")
        } else {
            ("ERROR", "a request failed by its lock")
        };
        for told in told {
            let [event] = &told[..] else {
                panic!("{name}: {told:?}");
            };
            // The key, which the client is not told, is in the error's own words.
            let begins = format!("{level} message={words} error={text}");
            assert!(event.starts_with(&begins), "{name}: {event}");
            assert!(event.ends_with(&status), "{name}: {event}");
        }
    }
}
