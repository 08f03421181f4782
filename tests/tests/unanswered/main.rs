//! What a client makes of commands that are not answered: nobody guesses, a check decides.

mod acquire;
mod body;
mod deadline;
mod late;
mod release;
mod runtimes;
mod store;

use std::time::Duration;

use lock_runtime::{LockClient, LockRequest};

use crate::store::BadNetwork;

const KEY: &str = "lock:a";
const TTL: Duration = Duration::from_secs(10);
/// The default of a client.
const COMMAND_DEADLINE: Duration = Duration::from_secs(2);

fn world() -> (BadNetwork, LockClient) {
    let network = BadNetwork::default();
    let client = LockClient::builder()
        .store(network.clone())
        .expect("default settings");
    (network, client)
}

fn request(client: &LockClient) -> LockRequest {
    client.lock("a").ttl(TTL)
}

async fn drain(client: &LockClient) {
    let rest = client.shutdown(Duration::from_mins(1)).await;
    assert!(rest.is_empty(), "{rest:?}");
}
