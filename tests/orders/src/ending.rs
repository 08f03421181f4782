//! SIGTERM while orders are under way.

use std::time::Duration;

use tests::http::answer;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::service::Service;

const HELD: &str = "lock:order:1";
const WAITERS: usize = 5;

/// Orders that are being paid come to their end, who waits is told to go, and no key is left.
///
/// # Panics
///
/// If it is otherwise.
pub async fn ending(program: &str) {
    let service = Service::start(program, &["--payment", "2000"]).await;
    let remains = service.remains();
    let mut board = service.watch().await;
    let running = [service.send("1", "a").await, service.send("2", "a").await];
    board.until(|shown| shown["counts"]["holding"] == 2).await;
    // Somebody who only connects, as browsers do in advance.
    let idle = TcpStream::connect(("127.0.0.1", service.port)).await;
    let idle = idle.expect("the service listens");
    let mut waiting = Vec::new();
    for cart in 0..WAITERS {
        waiting.push(service.send("1", &format!("b{cart}")).await);
    }
    board
        .until(|shown| shown["counts"]["waiting"] == WAITERS)
        .await;
    service.terminate();
    for waiter in waiting {
        let told = answer(waiter).await;
        assert_eq!(told.status, 503, "{told:?}");
        assert!(told.body.contains("urn:lock-runtime:shut-down"), "{told:?}");
        assert_eq!(told.header("retry-after"), Some("1"));
    }
    // Nobody has had to wait for the orders that are being paid.
    let held = remains.keys().await;
    assert!(held.iter().any(|key| key == HELD), "{held:?}");
    for order in running {
        let told = answer(order).await;
        assert_eq!(told.status, 201, "{told:?}");
    }
    let mut last = None;
    let to_the_end = async {
        while let Some(shown) = board.next().await {
            last = Some(shown);
        }
    };
    timeout(Duration::from_secs(8), to_the_end)
        .await
        .expect("the stream ends with the last request");
    let last = last.expect("the end was shown");
    assert_eq!(last["closing"], true, "{last}");
    let counts = ["holding", "waiting", "ordered", "refused"].map(|name| &last["counts"][name]);
    assert_eq!(counts, [0, 0, 2, WAITERS], "{last}");
    // Far less than anybody is waited for who is in the middle of something.
    let ended = timeout(Duration::from_secs(8), service.ended()).await;
    let (ended, remains) =
        ended.expect("an idle client is waited for no longer than the service allows");
    drop(idle);
    assert_eq!(ended.code, 0, "{}", ended.told);
    assert!(
        ended.told.contains("2 orders, 0 carts ordered twice"),
        "{}",
        ended.told
    );
    assert_eq!(remains.keys().await, [""; 0]);
    assert_eq!(remains.orders().count(), Ok(2));
}
