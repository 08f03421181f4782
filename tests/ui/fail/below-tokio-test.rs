use lock_runtime::distributed_lock;

#[tokio::test]
#[distributed_lock(key = "nightly", ttl = 1)]
async fn create_order() -> Result<(), lock_runtime::LockError> {
    Ok(())
}

fn main() {}
