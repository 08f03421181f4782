use lock_runtime::distributed_lock;

#[distributed_lock(key = "order:<user_id>", ttl = 1, or_else = |_| text.len() as u64)]
async fn create_order(user_id: u64, text: &mut String) -> u64 {
    text.push('!');
    user_id
}

fn main() {}
