use lock_runtime::{LockError, distributed_lock};

use crate::with_locks;

#[distributed_lock(key = "<key>:<guard>:<output>:<error>:<client>", ttl = 10, guard = lock)]
async fn own_names(
    key: u8,
    guard: u8,
    output: u8,
    error: u8,
    client: u8,
) -> Result<String, LockError> {
    let (request, slot, body, value) = (key, guard, output, error);
    Ok(format!(
        "{} {}",
        lock.key(),
        request + slot + body + value + client
    ))
}

#[distributed_lock(key = "<type>:<r#type>", ttl = 10, guard = lock)]
async fn raw(r#type: &str) -> Result<String, LockError> {
    Ok(format!("{} {}", lock.key(), r#type))
}

#[distributed_lock(key = "{order:<id>}:x", ttl = 10, guard = lock)]
async fn hash_tag(id: u64) -> Result<String, LockError> {
    Ok(format!("{} {id}", lock.key()))
}

#[distributed_lock(key = "<<order>>:<id>", ttl = 10, guard = lock)]
async fn brackets(id: u64) -> Result<String, LockError> {
    Ok(format!("{} {id}", lock.key()))
}

macro_rules! locked {
    ($name:ident, $key:literal, $ttl:expr, $id:ident) => {
        #[distributed_lock(key = $key, ttl = $ttl)]
        async fn $name($id: u64) -> Result<u64, LockError> {
            Ok($id)
        }
    };
}

locked!(from_macro, "order:<id>", 10, id);

macro_rules! assembled {
    ($(#[$attr:meta])* $name:ident, $ttl:expr, $or_else:expr, $output:ty, $body:block) => {
        $(#[$attr])*
        #[distributed_lock(key = "order:<id>", ttl = $ttl, or_else = $or_else)]
        async fn $name(id: &str) -> $output $body
    };
}

assembled!(
    #[must_use]
    from_fragments,
    "2s",
    |error| error.to_string(),
    String,
    { "placed".to_owned() }
);

macro_rules! annotated {
    ($function:item) => {
        #[distributed_lock(key = "order:<id>", ttl = 10)]
        $function
    };
}

annotated! {
    async fn from_item(id: u64) -> Result<u64, LockError> {
        Ok(id)
    }
}

const SHOP: &str = "shop";

#[distributed_lock(key = r#""<SHOP>":<type>:<id>"#, ttl = 10, guard = lock, with(SHOP = SHOP, type = id + 1))]
async fn bound_names(id: u64) -> Result<String, LockError> {
    Ok(format!("{} {id}", lock.key()))
}

#[distributed_lock(key = "order:<slot>", ttl = 10, or_else = |error| format!("{error} {slot} {request}"))]
async fn r#async(self_: u64, slot: u64, request: u64) -> String {
    format!("{self_} {slot} {request}")
}

mod shadowed {
    #![allow(dead_code, unused_macros)]

    mod core {}
    mod std {}
    struct Ok;
    struct Err;
    struct Some;
    struct Option;
    struct Result;
    struct String;
    struct Box;

    #[::lock_runtime::distributed_lock(key = "order:<id>", ttl = 10, wait = 1, renew)]
    pub(super) async fn place(id: u64) -> ::core::result::Result<u64, ::lock_runtime::LockError> {
        ::core::result::Result::Ok(id)
    }
}

mod bare {
    #![no_implicit_prelude]

    #[::lock_runtime::distributed_lock(key = "order:<id>", ttl = 10, guard = lock, or_else = |_| 0)]
    pub(super) async fn place(id: u8) -> usize {
        lock.key().len() + ::core::convert::Into::<usize>::into(id)
    }
}

mod renamed {
    pub(super) mod inner {
        #[allow(clippy::redundant_pub_crate)]
        pub(crate) use lock_runtime::*;
    }

    #[lock_runtime::distributed_lock(key = "order:<id>", ttl = 10, crate = crate::names::renamed::inner)]
    pub(super) async fn place(id: u64) -> Result<u64, lock_runtime::LockError> {
        Ok(id)
    }
}

#[tokio::test]
async fn names() -> Result<(), LockError> {
    with_locks(async {
        assert_eq!(own_names(1, 2, 3, 4, 5).await?, "lock:1:2:3:4:5 15");
        assert_eq!(raw("a").await?, "lock:a:a a");
        assert_eq!(hash_tag(1).await?, ["lock:{", "order:1}:x 1"].concat());
        assert_eq!(brackets(1).await?, "lock:<order>:1 1");
        assert_eq!(from_macro(1).await?, 1);
        assert_eq!(from_fragments("a").await, "placed");
        assert_eq!(from_item(1).await?, 1);
        assert_eq!(bound_names(1).await?, "lock:\"shop\":2:1 1");
        assert_eq!(r#async(1, 2, 3).await, "1 2 3");
        assert_eq!(shadowed::place(1).await?, 1);
        assert_eq!(bare::place(1).await, 13);
        assert_eq!(renamed::place(1).await?, 1);
        Ok(())
    })
    .await
}
