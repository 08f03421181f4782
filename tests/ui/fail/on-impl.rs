use lock_runtime::distributed_lock;

struct Order;

#[distributed_lock(key = "order", ttl = 1)]
impl Order {}

fn main() {}
