#[distributed_lock(key = "visit:<page>", ttl = 10, release = "background")]
async fn count(page: u32) -> Result<u64, LockError> {
    next(page).await
}

#[distributed_lock(key = "visit:<page>", ttl = 10, release = "answered")]
async fn reset(page: u32) -> Result<(), LockError> {
    clear(page).await
}
