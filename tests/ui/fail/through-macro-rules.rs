use lock_runtime::{LockError, distributed_lock};

macro_rules! locked {
    ($name:ident, $key:literal, $ttl:expr, $output:ty) => {
        #[distributed_lock(key = $key, ttl = $ttl)]
        async fn $name(id: u64) -> $output {
            Ok(id)
        }
    };
}

locked!(unknown_placeholder, "order:<user>", 10, Result<u64, LockError>);
locked!(zero_ttl, "order:<id>", 0, Result<u64, LockError>);
locked!(ttl_in_words, "order:<id>", "ten seconds", Result<u64, LockError>);
locked!(number_as_key, 1, 10, Result<u64, LockError>);

fn main() {}
