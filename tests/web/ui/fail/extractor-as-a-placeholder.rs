use axum::extract::Path;
use lock_runtime::{LockError, distributed_lock};

#[distributed_lock(key = "order:<id>", ttl = 1)]
async fn order(id: Path<u64>) -> Result<String, LockError> {
    Ok(id.to_string())
}

fn main() {
    let _ = axum::routing::get::<_, _, ()>(order);
}
