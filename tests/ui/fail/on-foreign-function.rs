use lock_runtime::distributed_lock;

unsafe extern "C" {
    #[distributed_lock(key = "order", ttl = 1)]
    fn create_order(user_id: u64) -> u64;
}

fn main() {}
