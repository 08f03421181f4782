//! Orders of a few users race through two clients; each user's are placed one at a time.
//!
//! `cargo run --example place_order`, with `REDIS_URL=redis://…` for a real server.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lock_runtime::{LockClient, LockError, MemoryStore, distributed_lock};
use tokio::task::JoinSet;

const USERS: [(u64, &str); 4] = [(41, "Ada"), (42, "Bob"), (43, "Cleo"), (44, "Dan")];
const ROUNDS: u64 = 5;
const MOST_ORDERS: u64 = 100;
const PREFIX: &str = "example:place_order:";

struct Cart {
    shop: Arc<Shop>,
    clicked: Instant,
    work: Duration,
}

struct Receipt {
    waited: Duration,
    held: Duration,
}

#[derive(Debug)]
enum OrderError {
    Lock(LockError),
    TooMany,
}

impl From<LockError> for OrderError {
    fn from(error: LockError) -> Self {
        Self::Lock(error)
    }
}

// The handler of the README. A second click while an order is being placed is refused.
#[distributed_lock(key = "order:<user_id>", ttl = 10)]
async fn place_order(user_id: u64, cart: Cart) -> Result<Receipt, OrderError> {
    let visit = cart.shop.enter(user_id);
    let order = visit.reserve(&cart).await?;
    visit.charge(&cart, order).await
}

// On the phone nobody clicks twice: an order waits for its turn.
#[distributed_lock(key = "order:<user_id>", ttl = 10, wait = 5)]
async fn place_phone_order(user_id: u64, cart: Cart) -> Result<Receipt, OrderError> {
    let visit = cart.shop.enter(user_id);
    let order = visit.reserve(&cart).await?;
    visit.charge(&cart, order).await
}

/// Sees by itself whether orders of one user meet: the check must not trust the lock.
#[derive(Default)]
struct Shop(Mutex<BTreeMap<u64, Account>>);

#[derive(Default, Clone, Copy)]
struct Account {
    inside: usize,
    most_inside: usize,
    orders: u64,
}

/// One order being placed.
struct Visit<'a> {
    shop: &'a Shop,
    user_id: u64,
    since: Instant,
}

/// The number of an order, not yet written down.
struct Order(u64);

impl Shop {
    fn enter(&self, user_id: u64) -> Visit<'_> {
        self.account(user_id, |account| {
            account.inside += 1;
            account.most_inside = account.most_inside.max(account.inside);
        });
        Visit {
            shop: self,
            user_id,
            since: Instant::now(),
        }
    }

    fn account<T>(&self, user_id: u64, work: impl FnOnce(&mut Account) -> T) -> T {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(accounts.entry(user_id).or_default())
    }

    /// Most orders of one user that met, and how many orders were written down.
    fn totals(&self) -> (usize, u64) {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let most = accounts.values().map(|account| account.most_inside).max();
        let orders = accounts.values().map(|account| account.orders).sum();
        (most.unwrap_or(0), orders)
    }
}

/// Reading, waiting, writing: two visits that meet lose an order.
impl Visit<'_> {
    async fn reserve(&self, cart: &Cart) -> Result<Order, OrderError> {
        let orders = self.shop.account(self.user_id, |account| account.orders);
        tokio::time::sleep(cart.work / 2).await;
        if orders == MOST_ORDERS {
            return Err(OrderError::TooMany);
        }
        Ok(Order(orders + 1))
    }

    async fn charge(&self, cart: &Cart, Order(number): Order) -> Result<Receipt, OrderError> {
        tokio::time::sleep(cart.work / 2).await;
        self.shop
            .account(self.user_id, |account| account.orders = number);
        Ok(Receipt {
            waited: self.since.duration_since(cart.clicked),
            held: self.since.elapsed(),
        })
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.shop
            .account(self.user_id, |account| account.inside -= 1);
    }
}

/// What became of one request.
enum Outcome {
    Placed,
    Refused,
    Failed,
}

#[tokio::main]
async fn main() -> ExitCode {
    run().await.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    let url = std::env::var("REDIS_URL").ok();
    let clients = clients(url.as_deref()).await?;
    let shop = Arc::new(Shop::default());
    println!(
        "{:>6}  {:<5} {:<5} {:<7} {:>9} {:>9}",
        "ms", "user", "by", "", "waited", "held"
    );

    let began = Instant::now();
    let mut orders = JoinSet::new();
    for round in 0..ROUNDS {
        for (at, (user_id, name)) in (0_u64..).zip(USERS) {
            let client = clients[usize::try_from(round + at)? % clients.len()].clone();
            let shop = shop.clone();
            let delay = Duration::from_millis(round * 25 + at * 7);
            let work = Duration::from_millis(30 + 10 * at);
            orders.spawn(async move {
                tokio::time::sleep(delay).await;
                let cart = Cart {
                    shop,
                    clicked: Instant::now(),
                    work,
                };
                let (how, placed) = if round % 2 == 1 {
                    let placed = client.scope(place_phone_order(user_id, cart)).await;
                    ("phone", placed)
                } else {
                    ("web", client.scope(place_order(user_id, cart)).await)
                };
                report(began, name, how, placed)
            });
        }
    }
    let outcomes = orders.join_all().await;
    let count =
        |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    let (placed, refused, failed) = (
        count(|outcome| matches!(outcome, Outcome::Placed)),
        count(|outcome| matches!(outcome, Outcome::Refused)),
        count(|outcome| matches!(outcome, Outcome::Failed)),
    );

    let mut remaining = 0;
    for client in &clients {
        let rest = client.shutdown(Duration::from_secs(2)).await;
        remaining += rest.running + rest.releasing;
    }
    let left = match &url {
        Some(url) => keys_left(url).await?,
        None => 0,
    };
    let (most, written) = shop.totals();
    println!();
    println!("orders placed                {placed:>4}");
    println!("  of them written down       {written:>4}");
    println!("refused as a double click    {refused:>4}");
    println!("failed                       {failed:>4}");
    println!("most at one time, one user   {most:>4}");
    println!("releases unanswered          {remaining:>4}");
    if url.is_some() {
        println!("keys left on the server      {left:>4}");
    }
    let exclusive = most == 1 && u64::try_from(placed)? == written;
    if exclusive && failed == 0 && remaining == 0 && left == 0 {
        println!("\nEvery user's orders were placed one at a time.");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("\nThe lock did not do its work.");
    Ok(ExitCode::FAILURE)
}

/// Two clients of one store, as two instances of a service would have.
async fn clients(url: Option<&str>) -> Result<[LockClient; 2], LockError> {
    let builder = LockClient::builder().prefix(PREFIX);
    let Some(url) = url else {
        println!(
            "Store: the memory of this process. For a server: REDIS_URL=redis://127.0.0.1:6379\n"
        );
        let memory = MemoryStore::new();
        return Ok([
            builder.clone().store(memory.clone())?,
            builder.store(memory)?,
        ]);
    };
    let clients = [
        builder.clone().connect(url).await?,
        builder.connect(url).await?,
    ];
    println!("Store: the Redis server of REDIS_URL\n");
    Ok(clients)
}

fn report(began: Instant, name: &str, how: &str, placed: Result<Receipt, OrderError>) -> Outcome {
    let start = format!("{:>6}  {name:<5} {how:<5}", began.elapsed().as_millis());
    match placed {
        Ok(Receipt { waited, held }) => {
            let (waited, held) = (Millis(waited), Millis(held));
            println!("{start} {:<7} {waited:>9} {held:>9}", "placed");
            Outcome::Placed
        }
        Err(OrderError::Lock(LockError::Busy { .. })) => {
            println!("{start} {:<7} {:>9} {:>9}", "refused", "-", "-");
            Outcome::Refused
        }
        Err(OrderError::Lock(error)) => {
            println!("{start} failed: {error}");
            Outcome::Failed
        }
        Err(OrderError::TooMany) => {
            println!("{start} failed: this user has ordered enough");
            Outcome::Failed
        }
    }
}

struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} ms", self.0.as_millis()))
    }
}

/// Asks the server itself what stands at the keys this program used.
async fn keys_left(url: &str) -> Result<usize, Box<dyn Error>> {
    let mut connection = redis::Client::open(url)?
        .get_multiplexed_async_connection()
        .await?;
    let mut left = 0;
    for (user_id, _) in USERS {
        let key = format!("{PREFIX}order:{user_id}");
        let exists: usize = redis::cmd("EXISTS")
            .arg(key)
            .query_async(&mut connection)
            .await?;
        left += exists;
    }
    Ok(left)
}
