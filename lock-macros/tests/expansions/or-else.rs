#[distributed_lock(
    key = "job:<day>",
    ttl = "30s",
    with(day = job.day()),
    or_else = |error| Skipped::because(&job.name, error),
)]
async fn nightly(job: Job) -> Skipped {
    job.run().await
}
