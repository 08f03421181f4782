use lock_runtime::distributed_lock;

#[distributed_lock(key = "order", ttl = 1)]
unsafe extern "C" {}

fn main() {}
