//! What users may write where a key is made of it: an encoded key or a refusal, never another's lock.

use std::collections::HashMap;
use std::fmt::Write;

use lock_runtime::encode;
use tonic::Code;
use web_tests::http;
use web_tests::messages::Asked;
use web_tests::world::World;
use web_tests::{actix_app, axum_app, tonic_app};

const HOSTILE: [&str; 16] = [
    "42",
    "{0}",
    "{}",
    "<id>",
    "%3A",
    "a:b",
    "a%3Ab",
    "..",
    "a/b",
    "*",
    " ",
    "\0",
    "\r\nSET x y\r\n",
    "\u{1b}[2J\u{7f}\u{85}",
    "käse 🧀",
    "fence:x",
];

/// All of it, so that no server along the way reads anything into it.
fn quoted(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    })
}

async fn both() -> (std::sync::Arc<World>, [(&'static str, u16); 2]) {
    let world = World::start().await;
    let axum = axum_app::start(world.clone()).await;
    let actix = actix_app::start(&world, true);
    (world, [("axum", axum), ("actix", actix)])
}

#[tokio::test]
async fn a_value_in_a_path_is_encoded_and_makes_a_key_of_its_own() {
    let (world, services) = both().await;
    for (framework, port) in services {
        let mut keys = HashMap::new();
        for value in HOSTILE {
            let answer = http::get(port, &format!("/query?id={}", quoted(value))).await;
            assert_eq!(answer.status, 200, "{framework} {value:?}: {answer:?}");
            assert_eq!(answer.body, format!("lock:order:{}", encode(value)));
            let before = keys.insert(answer.body, value);
            assert_eq!(before, None, "{framework} {value:?}");
            // A router may read a part of a path otherwise, or refuse it.
            let answer = http::get(port, &format!("/orders/{}", quoted(value))).await;
            match answer.status {
                200 => {
                    let id = answer.body.strip_prefix("lock:order:").expect("a key");
                    let forbidden = |c: char| matches!(c, ':' | '{' | '}') || c.is_control();
                    assert!(!id.contains(forbidden), "{framework} {value:?}: {id}");
                    let own = encode(value);
                    let kept = encode(quoted(value));
                    assert!(
                        [own, kept].contains(&id.to_owned()),
                        "{framework} {value:?}: {id}"
                    );
                }
                400 | 404 => println!("{framework} refuses the path {value:?}: {}", answer.status),
                _ => panic!("{framework} {value:?}: {answer:?}"),
            }
        }
    }
    world.until_keys(<[String]>::is_empty).await;
}

#[tokio::test]
async fn a_path_as_no_browser_sends_it() {
    let (_world, services) = both().await;
    for (framework, port) in services {
        for raw in [
            "{0}", "a:b", "%", "%F", "%FF", "\u{1}", "\u{7f}", "a\tb", "ü",
        ] {
            let answer = http::get(port, &format!("/orders/{raw}")).await;
            println!("{framework} {raw:?}: {} {}", answer.status, answer.body);
            if answer.status == 200 {
                let id = answer.body.strip_prefix("lock:order:").expect("a key");
                assert!(
                    !id.contains([':', '{', '}', '\u{1}']),
                    "{framework} {raw:?}: {id}"
                );
            } else {
                assert!(
                    matches!(answer.status, 400 | 404),
                    "{framework} {raw:?}: {answer:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn nothing_and_too_much_are_refused() {
    let (_world, services) = both().await;
    let long = "x".repeat(4096);
    for (framework, port) in services {
        let empty = http::get(port, "/orders/").await;
        assert_eq!(empty.status, 404, "{framework}: no such route");
        let refused = [
            "/query?id=".to_owned(),
            format!("/users/1/orders/{long}"),
            format!("/orders/{long}"),
            format!("/query?id={long}"),
        ];
        for path in refused {
            let answer = http::get(port, &path).await;
            assert_eq!(answer.status, 400, "{framework}: {answer:?}");
            assert!(
                answer.body.contains("urn:lock-runtime:invalid-key"),
                "{answer:?}"
            );
            assert!(answer.body.len() < 400, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_colon_does_not_reach_into_the_next_part() {
    let (world, services) = both().await;
    let held = world.locks.lock("order:1:2").acquire().await.expect("free");
    let mut orders = tonic_app::start(world.clone()).await;
    for (framework, port) in services {
        let status = async |path: &str| http::get(port, path).await.status;
        assert_eq!(status("/users/1/orders/2").await, 409, "{framework}");
        for other in [
            "/orders/1:2",
            "/orders/1%3A2",
            "/query?id=1:2",
            "/users/1:2/orders/3",
        ] {
            assert_eq!(status(other).await, 200, "{framework} {other}");
        }
        let by_item = http::get(port, "/users/1/orders/2%3A3").await;
        let by_user = http::get(port, "/users/1%3A2/orders/3").await;
        assert_eq!(by_item.body, "lock:order:1:2%3A3");
        assert_eq!(by_user.body, "lock:order:1%3A2:3");
    }
    let mut place = async |id: &str, item: &str| {
        let (id, item) = (id.to_owned(), item.to_owned());
        let told = orders.place(Asked { id, item }).await;
        told.map(|told| told.into_inner().key)
            .map_err(|status| status.code())
    };
    assert_eq!(place("1", "2").await, Err(Code::Aborted));
    assert_eq!(place("1:2", "3").await.as_deref(), Ok("lock:order:1%3A2:3"));
    assert_eq!(place("", "3").await, Err(Code::InvalidArgument));
    assert_eq!(
        place(&"x".repeat(4096), "3").await,
        Err(Code::InvalidArgument)
    );
    for value in HOSTILE {
        let key = format!("lock:order:{}:1", encode(value));
        assert_eq!(place(value, "1").await, Ok(key));
    }
    held.release().await.expect("ours");
    world.until_keys(<[String]>::is_empty).await;
}

/// The number of the path, the state's client, and another lock while this one is held.
#[tokio::test]
async fn extractors_of_other_types() {
    let (_world, services) = both().await;
    let [_, (_, actix)] = services;
    let answer = http::get(actix, "/either/42").await;
    assert_eq!(answer.body, "lock:order:42", "{answer:?}");
    for (framework, port) in services {
        let answer = http::get(port, "/numbered/42").await;
        assert_eq!(answer.body, "lock:order:42 42", "{framework} {answer:?}");
        let answer = http::get(port, "/numbered/forty-two").await;
        assert!(matches!(answer.status, 400 | 404), "{framework} {answer:?}");
    }
}
