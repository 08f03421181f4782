//! Users whose names are meant to reach somebody else's lock.

use std::collections::BTreeSet;
use std::fmt::Write;

use lock_runtime::encode;
use tests::http::answer;

use crate::service::Service;

/// None of them is user `1`. What routers themselves do with `%` and `/` is seen to in `tests/web`.
const HOSTILE: [&str; 10] = [
    "1:",
    "1:2",
    "{1}",
    "{1",
    "<user_id>",
    "*",
    "1\0",
    "1\r\nDEL lock:order:1\r\n",
    "\u{1b}[2J1",
    "1 ",
];

/// All of it, so that no server along the way reads anything into it.
fn quoted(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    })
}

/// Each has a lock and an order of its own, while `1` holds its own, or is refused.
///
/// # Panics
///
/// If it is otherwise.
pub async fn hostile(program: &str) {
    let service = Service::start(program, &["--payment", "1500"]).await;
    let remains = service.remains();
    let mut wanted = BTreeSet::from(["lock:order:1".to_owned()]);
    let mut all = vec![service.send("1", "a").await];
    for user in HOSTILE {
        wanted.insert(format!("lock:order:{}", encode(user)));
        all.push(service.send(&quoted(user), "a").await);
    }
    // All of them at once: nobody waits for another's.
    remains.until_keys(|keys| keys.iter().eq(&wanted)).await;
    for order in all {
        let told = answer(order).await;
        assert_eq!(told.status, 201, "{told:?}");
    }
    let orders = remains.orders();
    for user in HOSTILE {
        assert!(
            orders.find(user, "a").is_ok_and(|found| found.is_some()),
            "{user:?}"
        );
    }
    assert_eq!(orders.count(), Ok(1 + HOSTILE.len()));

    let long = service.order(&"x".repeat(4096), "a").await;
    assert_eq!(long.status, 400, "{long:?}");
    assert!(
        long.body.contains("urn:lock-runtime:invalid-key"),
        "{long:?}"
    );
    // One router finds nobody there, the other a user without a name.
    let nobody = service.order("", "a").await.status;
    assert!(matches!(nobody, 400 | 404), "{nobody}");
    for cart in ["", &"x".repeat(65), "a&cart=b"] {
        let told = service.order("1", cart).await;
        assert!(matches!(told.status, 400 | 422), "{cart}: {told:?}");
    }
    assert_eq!(orders.count(), Ok(1 + HOSTILE.len()));
    remains.until_keys(<[String]>::is_empty).await;
}
