impl Shop {
    #[distributed_lock(key = "shop:<self.id>", ttl = 10, client = self.locks)]
    async fn restock(&self, count: u64) -> Result<u64, LockError> {
        self.stock.add(count).await
    }
}
