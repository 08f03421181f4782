#[distributed_lock(key = "order:<user_id>", ttl = 10)]
async fn place(
    user_id: u64,
    #[cfg(feature = "trace")] trace: Trace,
    #[cfg(feature = "audit")] _audit: Audit,
) -> Result<(), LockError> {
    #[cfg(feature = "trace")]
    trace.note("placing");
    charge(user_id).await
}
