#[distributed_lock(key = "report:<month>", ttl = 30, renew, on_lost = "finish", guard = lock)]
async fn report(month: u32) -> Result<Report, LockError> {
    let report = compile(month).await;
    lock.check().await?;
    Ok(report)
}
