//! What a client makes of commands that are not answered: nobody guesses, a check decides.

mod acquire;
mod body;
mod deadline;
mod late;
mod release;
mod runtimes;

use std::time::Duration;

use lock_runtime::testing::LockDouble;
use lock_runtime::{LockClient, LockRequest};

const KEY: &str = "lock:a";
const TTL: Duration = Duration::from_secs(10);
/// The default of a client.
const COMMAND_DEADLINE: Duration = Duration::from_secs(2);
/// How long a single answer is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

fn world() -> (LockDouble, LockClient) {
    let double = LockDouble::new();
    let client = double.client();
    (double, client)
}

fn request(client: &LockClient) -> LockRequest {
    client.lock("a").ttl(TTL)
}

async fn drain(client: &LockClient) {
    let rest = client.shutdown(Duration::from_mins(1)).await;
    assert!(rest.is_empty(), "{rest:?}");
}
