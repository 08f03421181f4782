use lock_runtime::{LockError, distributed_lock};

use std::rc::Rc;

#[distributed_lock(key = "order:<user_id>", ttl = 1)]
async fn create_order(user_id: u64) -> Result<u64, LockError> {
    let count = Rc::new(user_id);
    tokio::task::yield_now().await;
    Ok(*count)
}

fn main() {
    let _ = tokio::spawn(create_order(1));
}
