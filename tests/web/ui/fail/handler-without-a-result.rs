use axum::extract::Path;
use lock_runtime::distributed_lock;

#[distributed_lock(key = "order:<id>", ttl = 1)]
async fn order(Path(id): Path<u64>) -> String {
    id.to_string()
}

fn main() {
    let _ = axum::routing::get::<_, _, ()>(order);
}
