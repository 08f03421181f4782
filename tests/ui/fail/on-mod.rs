use lock_runtime::distributed_lock;

#[distributed_lock(key = "order", ttl = 1)]
mod order {}

fn main() {}
