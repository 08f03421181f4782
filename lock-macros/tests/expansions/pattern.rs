#[distributed_lock(key = "order:<id>:<first.line>", ttl = 10)]
async fn cancel(Path(id): Path<u64>, [first, ..]: [Item; 2], _: Session) -> Result<(), LockError> {
    remove(id).await
}
