#[distributed_lock(key = "order:<user_id>", ttl = 10)]
async fn place_order(user_id: u64, cart: Cart) -> Result<Receipt, OrderError> {
    let receipt = charge(user_id, cart).await?;
    Ok(receipt)
}
