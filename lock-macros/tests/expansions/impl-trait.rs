#[distributed_lock(key = "feed:<name>", ttl = 10)]
async fn feed(name: impl Display) -> Result<impl Iterator<Item = Entry>, LockError> {
    let entries = fetch(name).await;
    Ok(entries.into_iter())
}
