use lock_runtime::{LockError, distributed_lock};

#[actix_web::main]
#[distributed_lock(key = "nightly", ttl = 1)]
async fn main() -> Result<(), LockError> {
    Ok(())
}
