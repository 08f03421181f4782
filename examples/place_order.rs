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
const PREFIX: &str = "example:place_order:";

#[derive(Clone)]
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
}

impl From<LockError> for OrderError {
    fn from(error: LockError) -> Self {
        Self::Lock(error)
    }
}

/// A second click while the first order is being placed is refused.
#[distributed_lock(key = "order:<user_id>", ttl = 10)]
async fn place_order(user_id: u64, cart: Cart) -> Result<Receipt, OrderError> {
    Ok(cart.shop.serve(user_id, &cart).await)
}

/// An order that would rather wait for its turn.
#[distributed_lock(key = "order:<user_id>", ttl = 10, wait = 5)]
async fn place_order_patiently(user_id: u64, cart: Cart) -> Result<Receipt, OrderError> {
    Ok(cart.shop.serve(user_id, &cart).await)
}

/// Counts by itself who is inside at one time: the check must not trust the lock.
#[derive(Default)]
struct Shop {
    inside: Mutex<BTreeMap<u64, (usize, usize)>>,
}

impl Shop {
    async fn serve(&self, user_id: u64, cart: &Cart) -> Receipt {
        let waited = cart.clicked.elapsed();
        let started = Instant::now();
        self.change(user_id, |inside, most| {
            *inside += 1;
            *most = (*most).max(*inside);
        });
        tokio::time::sleep(cart.work).await;
        self.change(user_id, |inside, _| *inside -= 1);
        Receipt {
            waited,
            held: started.elapsed(),
        }
    }

    fn change(&self, user_id: u64, change: impl FnOnce(&mut usize, &mut usize)) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, most) = inside.entry(user_id).or_default();
        change(now, most);
    }

    fn most_at_once(&self) -> usize {
        let inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.values().map(|(_, most)| *most).max().unwrap_or(0)
    }
}

/// What became of one request.
enum Outcome {
    Placed,
    Refused,
    Failed,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let url = std::env::var("REDIS_URL").ok();
    let clients = clients(url.as_deref()).await?;
    let shop = Arc::new(Shop::default());
    println!(
        "{:>6}  {:<5} {:<9} {:>9} {:>9}",
        "ms", "user", "", "waited", "held"
    );

    let began = Instant::now();
    let mut orders = JoinSet::new();
    for round in 0..ROUNDS {
        for (at, (user_id, name)) in (0_u64..).zip(USERS) {
            let client = clients[usize::try_from(round + at)? % clients.len()].clone();
            let shop = shop.clone();
            let delay = Duration::from_millis(round * 15 + at * 7);
            let work = Duration::from_millis(30 + 10 * at);
            orders.spawn(async move {
                tokio::time::sleep(delay).await;
                let cart = Cart {
                    shop,
                    clicked: Instant::now(),
                    work,
                };
                let placed = if round % 2 == 0 {
                    client.scope(place_order_patiently(user_id, cart)).await
                } else {
                    client.scope(place_order(user_id, cart)).await
                };
                report(began, name, placed)
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
    let most = shop.most_at_once();
    println!();
    println!("orders placed                {placed:>4}");
    println!("refused as a double click    {refused:>4}");
    println!("failed                       {failed:>4}");
    println!("most at one time, one user   {most:>4}");
    println!("releases unanswered          {remaining:>4}");
    if url.is_some() {
        println!("keys left on the server      {left:>4}");
    }
    if most == 1 && failed == 0 && remaining == 0 && left == 0 && placed > 0 {
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

fn report(began: Instant, name: &str, placed: Result<Receipt, OrderError>) -> Outcome {
    let at = began.elapsed().as_millis();
    match placed {
        Ok(Receipt { waited, held }) => {
            let (waited, held) = (Millis(waited), Millis(held));
            println!("{at:>6}  {name:<5} {:<9} {waited:>9} {held:>9}", "placed");
            Outcome::Placed
        }
        Err(OrderError::Lock(LockError::Busy { .. })) => {
            println!("{at:>6}  {name:<5} {:<9} {:>9} {:>9}", "refused", "-", "-");
            Outcome::Refused
        }
        Err(OrderError::Lock(error)) => {
            println!("{at:>6}  {name:<5} failed: {error}");
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
