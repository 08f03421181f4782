#[distributed_lock(key = "report:<day>", ttl = "10m", min_hold = "30s", or_else = skip)]
async fn report(day: u32) {
    write(day).await;
}
