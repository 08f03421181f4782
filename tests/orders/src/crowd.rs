//! Two hundred clients at once, half of whom hang up.

use std::time::Duration;

use serde_json::Value;
use tests::http::{Answer, answer, send};

use crate::service::{Remains, Service, ordering};

const CLIENTS: usize = 200;
const USERS: usize = 20;
const CARTS: usize = 3;
const SEED: u64 = 20;
/// The last of those who leave has gone by then.
const LONGEST: Duration = Duration::from_millis(600);
const PAYMENT: [&str; 2] = ["--payment", "150"];

/// As impatient users do: several requests for each cart, and several carts of a user at once.
fn wanted(client: usize) -> (String, String) {
    let (user, nth) = (client % USERS, client / USERS);
    (user.to_string(), format!("cart-{}", nth % CARTS))
}

/// The answers of those who stayed, or were served before they left.
async fn answers(service: &Service) -> Vec<(usize, Answer)> {
    let port = service.port;
    tests::crowd(SEED, CLIENTS, LONGEST, move |client| async move {
        let (user, cart) = wanted(client);
        answer(send(port, &ordering(&user, &cart)).await).await
    })
    .await
}

/// How many orders there are, and how many carts were ordered twice.
fn sums(remains: &Remains) -> (usize, usize) {
    let orders = remains.orders();
    let count = orders.count().expect("it can be read");
    (count, orders.twice().expect("it can be read"))
}

/// No cart is ordered twice, and no lock is left.
///
/// # Panics
///
/// If one is.
pub async fn crowd(program: &str) {
    let service = Service::start(program, &PAYMENT).await;
    let answers = answers(&service).await;
    let remains = service.remains();
    remains.until_keys(<[String]>::is_empty).await;
    let (count, twice) = sums(&remains);
    let gone = |shown: &Value| shown["counts"]["waiting"] == 0 && shown["counts"]["holding"] == 0;
    let counts = service.watch().await.until(gone).await["counts"].clone();
    println!(
        "{CLIENTS} clients, {} hung up, {} of them while they waited or held; {count} orders, \
         {twice} carts ordered twice, 0 keys left",
        CLIENTS - answers.len(),
        counts["left"],
    );
    // Or nobody was disturbed by those who leave.
    assert!(
        counts["left"].as_u64().is_some_and(|left| left > 10),
        "{counts}"
    );
    assert_eq!(twice, 0);
    // Whoever asked for a cart was told of the one order that it has.
    let orders = remains.orders();
    for (client, answer) in answers {
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        let told: Value = serde_json::from_str(&answer.body).expect("JSON");
        let (user, cart) = wanted(client);
        let own = orders.find(&user, &cart).expect("it can be read");
        assert_eq!(
            told["order"].as_i64(),
            own.map(|receipt| receipt.order),
            "{user}, {cart}"
        );
    }
    service.terminate();
    let (ended, remains) = service.ended().await;
    assert_eq!(ended.code, 0, "{}", ended.told);
    assert!(
        ended.told.contains(", 0 carts ordered twice"),
        "{}",
        ended.told
    );
    assert_eq!(remains.keys().await, [""; 0]);
}

/// The same crowd without the lock: carts are ordered twice, or [`crowd`] would prove nothing.
///
/// # Panics
///
/// If none is.
pub async fn crowd_without_a_lock(program: &str) {
    let service = Service::start(program, &[&PAYMENT[..], &["--unguarded"]].concat()).await;
    let left = CLIENTS - answers(&service).await.len();
    let remains = service.remains();
    let (count, twice) = sums(&remains);
    println!("without a lock, {left} hung up in time: {count} orders, {twice} carts ordered twice");
    assert!(twice > 0);
}
