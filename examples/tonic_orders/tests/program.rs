//! The program as its users run it: driven over the wire, and told to end.

use std::sync::Arc;
use std::time::Duration;

use tests::{Ended, Program, Server, crowd, without_any_server};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_orders::messages::{Item, Order, Placed, Stock};
use tonic_orders::orders::orders_client::OrdersClient;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tonic_orders");
/// For whatever has to happen. Far shorter than the ttl: a key that has gone by then was given back.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is in the shop when it opens.
const OPENING: u32 = 1000;

struct Service {
    redis: Arc<Server>,
    program: Program,
    url: String,
}

impl Service {
    async fn start(payment: &str) -> Self {
        let redis = Server::start_in(Some(Server::folder()), &[]);
        Self::with(Arc::new(redis), payment).await
    }

    /// Another instance, with the same locks and the same database.
    async fn beside(&self, payment: &str) -> Self {
        Self::with(self.redis.clone(), payment).await
    }

    async fn with(redis: Arc<Server>, payment: &str) -> Self {
        let url = format!("REDIS_URL={}", redis.url());
        // It goes with the server.
        let folder = redis.works_in().expect("a folder of its own");
        let file = folder.join("orders.sqlite").to_string_lossy().into_owned();
        let words = ["env", &url, PROGRAM, "--listen", "127.0.0.1:0"];
        let arguments = ["--database", &file, "--payment", payment];
        let mut program = Program::start(&[&words[..], &arguments].concat());
        let url = format!("http://127.0.0.1:{}", program.port().await);
        Self {
            redis,
            program,
            url,
        }
    }

    async fn client(&self) -> OrdersClient<Channel> {
        OrdersClient::connect(self.url.clone())
            .await
            .expect("it listens")
    }

    async fn stock(&self) -> Stock {
        let item = "tea".to_owned();
        let stock = self.client().await.stock(Item { item }).await;
        stock.expect("sold").into_inner()
    }

    async fn until_locks(&self, wanted: &[&str]) {
        let wanted = |keys: &[String]| locks(keys) == wanted;
        self.redis.until_keys(PATIENCE, wanted).await;
    }
}

/// All that locks leave on the server, but for the last fences, which stay for a day.
fn locks(keys: &[String]) -> Vec<&str> {
    let keys = keys.iter().map(String::as_str);
    keys.filter(|key| !key.starts_with("lock:fence:")).collect()
}

fn order(request: &str, item: &str, pieces: u32) -> Order {
    Order {
        request: request.to_owned(),
        user: "42".to_owned(),
        item: item.to_owned(),
        pieces,
    }
}

#[tokio::test]
async fn orders_are_placed_or_it_is_said_why_not() {
    let service = Service::start("10").await;
    let mut client = service.client().await;
    let first = client.place(order("a", "tea", 3)).await;
    let first = first.expect("in stock").into_inner();
    assert_eq!(
        first,
        Placed {
            number: 1,
            left: 997
        }
    );
    let second = client.place(order("b", "tea", 7)).await;
    assert_eq!(second.expect("in stock").into_inner().number, 2);
    // As a client does that has not heard the answer.
    let again = client.place(order("a", "tea", 3)).await;
    assert_eq!(again.expect("placed").into_inner().number, 1);

    let long = "x".repeat(4096);
    for (item, pieces, code) in [
        ("tea", OPENING, Code::FailedPrecondition),
        ("gold", 1, Code::NotFound),
        // Another's lock is out of reach.
        ("tea:1", 1, Code::NotFound),
        ("a\r\nb", 1, Code::NotFound),
        ("", 1, Code::InvalidArgument),
        (long.as_str(), 1, Code::InvalidArgument),
    ] {
        let refused = client.place(order("c", item, pieces)).await;
        assert_eq!(
            refused.map_err(|status| status.code()).map(drop),
            Err(code),
            "{item}"
        );
    }
    let sums = Stock {
        left: 990,
        ordered: 10,
        orders: 2,
    };
    assert_eq!(service.stock().await, sums);
    service.until_locks(&[]).await;
}

/// Each reads the stock and writes what is left: two at a time would sell the same piece twice, also in two
/// processes.
#[tokio::test]
async fn two_hundred_clients_half_of_whom_leave() {
    let service = Service::start("5").await;
    let other = service.beside("5").await;
    let call = |number: usize| {
        let instances = [&service, &other];
        let url = instances[number % 2].url.clone();
        async move {
            let mut client = OrdersClient::connect(url).await.expect("it listens");
            client.place(order(&number.to_string(), "tea", 1)).await
        }
    };
    let answers: Vec<(usize, Result<_, Status>)> =
        crowd(1, 200, Duration::from_secs(1), call).await;
    service.until_locks(&[]).await;
    let placed = answers.into_iter().map(|(_, answer)| {
        let answer = answer.expect("those who stay are served");
        answer.into_inner().number
    });
    let mut numbers: Vec<_> = placed.collect();
    let heard = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), heard, "an order of one's own for each");
    let Stock {
        left,
        ordered,
        orders,
    } = service.stock().await;
    println!("{heard} of 200 clients heard of their order, {orders} orders were placed");
    // Or nobody was disturbed by those who leave.
    assert!(heard < 190, "{heard}");
    // Of an order that was placed its client may not have heard.
    assert!(
        usize::try_from(orders).is_ok_and(|orders| orders >= heard),
        "{orders}"
    );
    assert_eq!((ordered, left), (orders, OPENING - orders));
}

#[tokio::test]
async fn told_to_end_it_finishes_what_runs_and_turns_away_who_waits() {
    const TEA: &str = "lock:stock:tea";
    const COFFEE: &str = "lock:stock:coffee";
    let service = Service::start("2000").await;
    // For longer than all that follows until it is asked again, and less than the ttl.
    let other = service.beside("8000").await;
    let place = |at: &Service, request: &'static str, item: &'static str| {
        let url = at.url.clone();
        tokio::spawn(async move {
            let mut client = OrdersClient::connect(url).await.expect("it listens");
            client.place(order(request, item, 1)).await
        })
    };
    let elsewhere = place(&other, "a", "tea");
    service.until_locks(&[TEA]).await;
    let running = place(&service, "b", "coffee");
    service.until_locks(&[COFFEE, TEA]).await;
    // Behind another instance it stands in line on the server, for all to see.
    let waiting = place(&service, "c", "tea");
    let in_line = "lock:line:{lock:stock:tea}";
    service.until_locks(&[in_line, COFFEE, TEA]).await;
    service.program.terminate();

    let refused = waiting.await.expect("no panic").expect_err("it ends");
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    let kind = refused.metadata().get("problem-type").expect("of a lock");
    assert_eq!(kind, "urn:lock-runtime:shut-down");
    assert!(!running.is_finished(), "told before the other is done");
    let placed = running.await.expect("no panic").expect("let finish");
    assert_eq!(placed.into_inner().left, OPENING - 1);
    let Service { program, url, .. } = service;
    let Ended { code, told } = program.ended().await;
    assert_eq!(code, 0, "{told}");
    assert!(told.ends_with("ended: no lock is left\n"), "{told}");
    assert!(OrdersClient::connect(url).await.is_err(), "nobody listens");

    // Nothing of it is left, and the other instance has not noticed.
    assert_eq!(locks(&other.redis.keys().await), [TEA]);
    let placed = elsewhere.await.expect("no panic").expect("let finish");
    assert_eq!(placed.into_inner().left, OPENING - 1);
    other.until_locks(&[]).await;
}

#[tokio::test]
async fn a_client_from_the_command_line() {
    let service = Service::start("10").await;
    let place = |pieces| [PROGRAM, "place", &service.url, "a", "42", "tea", pieces];
    let Ended { code, told } = Program::start(&place("2")).ended().await;
    assert_eq!((code, told.as_str()), (0, "order 1, 998 left\n"));
    let Ended { code, told } = Program::start(&["env", PROGRAM, "place"]).ended().await;
    assert_eq!(code, 1);
    assert!(told.contains("--payment"), "{told}");
}

#[tokio::test]
async fn without_any_server_it_says_how_to_get_one() {
    without_any_server(PROGRAM).await;
}
