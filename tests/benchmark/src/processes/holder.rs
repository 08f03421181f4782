//! Takes many locks and holds them until it is killed.

use std::future::pending;
use std::time::Duration;

use lock_runtime::LockClient;

use super::word;
use crate::bench::Error;

/// The first key expires after that long, each further one a little later.
const FIRST: Duration = Duration::from_millis(1_500);
const APART: Duration = Duration::from_millis(10);

pub(crate) fn key(number: u32) -> String {
    format!("killed:{number}")
}

pub(super) async fn run(words: &[String]) -> Result<(), Error> {
    let (url, keys): (String, u32) = (words[0].clone(), word(words, 1)?);
    let client = LockClient::connect(&url).await?;
    let mut held = Vec::new();
    for number in 0..keys {
        let request = client.lock(key(number)).ttl(FIRST + APART * number);
        held.push(request.acquire().await?);
    }
    println!("held");
    pending().await
}
