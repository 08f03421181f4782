//! The attribute of [`lock_runtime`](https://docs.rs/lock-runtime). Use it from there.

mod args;
mod bindings;
mod check;
mod duration;
mod errors;
mod expand;
mod function;
#[cfg(test)]
mod fuzz;
mod names;
mod ranges;
#[cfg(test)]
mod snapshots;
mod template;

use proc_macro::TokenStream;

/// Runs the body of an async function only while this process holds a lock in Redis, named by a
/// template over the function's arguments. Every exit gives the lock up: a return, an error, a
/// panic, a dropped future.
///
/// ```
/// use lock_runtime::{LockError, distributed_lock};
///
/// #[distributed_lock(key = "order:<user_id>", ttl = 10)]
/// async fn place_order(user_id: u64, items: Vec<u64>) -> Result<u64, LockError> {
///     let total = items.iter().sum(); // nobody else is placing an order of this user
///     Ok(total)
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), LockError> {
/// # let client = lock_runtime::LockClient::in_memory();
/// # assert_eq!(client.scope(place_order(42, vec![1, 2])).await?, 3);
/// # Ok(())
/// # }
/// ```
///
/// The signature stays as it is. While another call holds `order:42`, `place_order(42, …)` gives
/// `LockError::Busy` and its body does not run; with `wait` it stands in line first.
///
/// # Arguments
///
/// | argument | value | default |
/// | --- | --- | --- |
/// | `key` | a string literal with placeholders, see [keys](#keys) | required |
/// | `ttl` | time to live of the lease, 10 ms to 24 h: `10` is seconds, `"500ms"` milliseconds; without `renew` also the longest that the body may run | required |
/// | `wait` | how long to wait while the lock is busy, up to 24 h | `0`: try once |
/// | `renew` | extends the lease at a third of its ttl while the body runs; `renew = "2h"` sets the longest hold: longer than `ttl`, up to 30 days; at its end the lock is lost like any other | no renewal; a bare `renew` holds for 24 h at most |
/// | `min_hold` | how long the key stays at least, from the acquisition on, however soon the call ends, see [jobs](#jobs); at most `ttl` | `0`: as long as it is held |
/// | `on_lost` | `"cancel"` or `"finish"`, see [a lost lock](#a-lost-lock) | `"cancel"` |
/// | `release` | `"answered"` or `"background"`, see [giving the lock back](#giving-the-lock-back) | the client's: `"answered"` unless its builder says otherwise |
/// | `with(name = expression, …)` | values for placeholders, see [keys](#keys) | none |
/// | `fence` | draws a fencing token with the lock, which the body reads by `lock.fencing_token()` with `guard = lock`, see [a late write](#a-late-write) | not drawn |
/// | `guard = name` | binds `name: &LockGuard` in the body | not bound |
/// | `or_else = handler` | a closure or function that turns a `LockError` into the function's output, see [a failed lock](#a-failed-lock) | `Err(error.into())` |
/// | `client = expression` | a `LockClient` or a reference to one, such as `self.locks`; it is cloned | the client of the innermost `LockClient::scope`, else the installed one, else `LockError::NotInstalled` |
/// | `crate = path` | where `lock_runtime` lives, if it is renamed or re-exported | `::lock_runtime` |
///
/// `ttl`, `wait`, `min_hold` and the longest hold are whole seconds (`10`), a string with one of the units
/// `ms`, `s`, `m` and `h` (`"1500ms"`), or an expression of type `Duration`. A bare number is never milliseconds:
/// `ttl = 10000` is nearly three hours, `ttl = "10000ms"` ten seconds. Numbers and strings
/// are checked when the function is compiled, expressions at each call: out of range is
/// `LockError::InvalidOptions`, and nothing is sent. `renew` needs a `ttl` of at least 300 ms.
///
/// ```
/// # use std::time::Duration;
/// # use lock_runtime::{LockClient, LockError, distributed_lock};
/// # struct Order { id: u64, placed: String }
/// # impl Order { fn day(&self) -> &str { &self.placed[..10] } }
/// const TTL: Duration = Duration::from_secs(30);
///
/// struct Shop {
///     locks: LockClient,
/// }
///
/// impl Shop {
///     #[distributed_lock(
///         key = "invoice:<day>:<order.id>",
///         ttl = TTL,
///         wait = "1500ms",
///         renew = "2h",
///         with(day = order.day()),
///         guard = lock,
///         client = self.locks,
///     )]
///     async fn invoice(&self, order: &Order) -> Result<String, LockError> {
///         lock.extend().await?; // the whole ttl again, or `LockError::Lost`
///         Ok(format!("{} for {:?}", lock.key(), lock.remaining()))
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), LockError> {
/// # let order = Order { id: 7, placed: "2026-01-31 12:00".to_owned() };
/// # let shop = Shop { locks: LockClient::in_memory() };
/// # assert!(shop.invoice(&order).await?.starts_with("lock:invoice:2026-01-31:7 for 29"));
/// # Ok(())
/// # }
/// ```
///
/// # Keys
///
/// A placeholder is the name of an argument, `<user_id>`, also of one bound by a pattern such as
/// `Path(id): Path<u64>`; a field of one, `<order.id>` or `<pair.0>`; a field of the receiver,
/// `<self.id>`; or a name from `with`. It may be of any type that implements `Display`. Whatever
/// else a key needs (a method's result, a constant, a const parameter) goes through `with`, whose
/// expressions see the arguments: `with(day = order.day(), N = N)`. An argument named `r#type` is
/// `<type>` or `<r#type>`. `<<` and `>>` stand for single brackets.
///
/// Two calls of a function share a lock exactly if all their values print alike. In each value
/// `%`, `:`, `{`, `}` and control characters are percent-encoded, and between two placeholders
/// there must be a `:`, `{` or `}`, which no encoded value contains: `<a>-<b>` does not compile,
/// since the values `x-y`, `z` and `x`, `y-z` would make one key. So no value can reach beyond its
/// place, and none can choose the slot of a Redis Cluster; `{order:<id>}:x` in the template can.
/// Numbers, UUIDs and plain words appear as they are.
///
/// A value that prints as nothing, and a key of more than 512 bytes with the client's prefix, are
/// `LockError::InvalidKey`; nothing is sent. A key without placeholders is one lock for all calls.
/// Keys that begin with `fence:` or `line:{` are reserved.
///
/// # A failed lock
///
/// Without `or_else` the function returns a `Result` (under whatever alias) whose error implements
/// `From<LockError>`. With it, any output will do:
///
/// ```
/// # use lock_runtime::{LockClient, LockError, distributed_lock};
/// #[distributed_lock(key = "status:<shop>", ttl = "5s", or_else = told)]
/// async fn status(shop: &str) -> String {
///     format!("{shop} is open")
/// }
///
/// fn told(error: LockError) -> String {
///     match error {
///         LockError::Busy { .. } => "somebody is looking already".to_owned(),
///         error => error.to_string(), // all other failures come here, too
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), LockError> {
/// # let client = LockClient::in_memory();
/// # assert_eq!(client.scope(status("ours")).await, "ours is open");
/// # let held = client.lock("status:ours").acquire().await?;
/// # assert!(client.scope(status("ours")).await.starts_with("somebody"));
/// # held.release().await?;
/// # Ok(())
/// # }
/// ```
///
/// An error that the body itself returns is not a failed lock and does not come here. It may be a
/// `LockError` all the same, from `guard.check()` or another annotated call: map such errors to one
/// of your own if your caller tells "did not run" by the type.
///
/// The handler is made before the lock is asked for, because the body takes the arguments with it:
/// an argument that it uses is cloned at every call, so that it must be `Clone` (a `&mut` is not)
/// and is better cheap to clone. A `self` taken by value is not cloned.
///
/// # Jobs
///
/// `or_else = skip`, with `lock_runtime::skip`, leaves out a call whose lock is busy, also at the end of its
/// `wait`: the function returns `()`, an `Option`, or a `Result` of one of them, whose `Err` tells any other
/// failure. `min_hold` keeps the key for a while, so that a host whose clock is late does not run again what was
/// done at once. It counts from the acquisition, after success, an `Err`, a panic and a cancellation alike; what
/// remains of it is waited out by those who wait for the lock, and not by `LockClient::shutdown`.
///
/// ```
/// # use lock_runtime::{LockClient, LockError, distributed_lock, skip};
/// #[distributed_lock(key = "report", ttl = "10m", min_hold = "30s", or_else = skip)]
/// async fn report() -> Result<Option<u64>, LockError> {
///     Ok(Some(42)) // pages
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), LockError> {
/// # let client = LockClient::in_memory();
/// # client.scope(async {
/// assert_eq!(report().await?, Some(42));
/// assert_eq!(report().await?, None); // within 30 s
/// # Ok(())
/// # }).await
/// # }
/// ```
///
/// # A lost lock
///
/// A lock is a lease. If it cannot be extended in time, or somebody deletes or replaces the key,
/// it is lost, and others may run. The body is never polled beyond the deadline: with `"cancel"`
/// it is dropped at the await where it stands, and the call fails with `LockError::Lost`. With
/// `"finish"` it runs on, and its output counts if the key still carries this call's token at the
/// end; else the output is dropped, and the call fails with `LockError::Lost`. An `Err` of the
/// body's own is returned as it is.
///
/// Cancelling drops the body and nothing else: tasks it has spawned, and blocking work it has
/// handed to other threads, go on without the lock. The guard itself cannot move into a task, but
/// the future of `guard.lost()` can, and tells it when to stop.
///
/// # Giving the lock back
///
/// With `release = "answered"`, a call returns when the server has answered its release: nothing is
/// left behind, and a lock that was stolen from a body that ended in time is `LockError::Lost`.
///
/// With `release = "background"`, a call whose body ended in time returns when its release is queued,
/// one round trip earlier. A body that ended late waits for the answer as ever. What a caller can see:
///
/// - Its own next call for the key, through the same client, goes behind the release and does not find
///   the lock busy. Another process may, for one round trip more.
/// - A lock that somebody stole or deleted while the body ran is learnt of too late for the result: the
///   call returns the body's output, `tracing` has a warning with the key, and
///   `LockClient::lost_after_return` counts it.
/// - A release without an answer is sent again until the ttl is over; `LockClient::shutdown` waits for
///   it. A process that ends without leaves the lock to its ttl.
///
/// # A late write
///
/// A process can be stopped between its last check and its write for longer than the lease lasts.
/// Where that write must not count, the resource itself has to refuse it: with `fence` the lock
/// comes with a number that grows with every fenced acquisition of the key, and the resource
/// refuses a number older than the newest it has seen. It must look at the number on reads as well
/// as on writes: checked on writes only, a late write still gets in between the next holder's read
/// and write.
///
/// ```
/// # use lock_runtime::{FencedRegister, LockClient, LockError, distributed_lock};
/// #[distributed_lock(key = "account:<id>", ttl = 10, fence, guard = lock)]
/// async fn debit(id: u64, balance: &FencedRegister<u64>) -> Result<(), LockError> {
///     if let Some(token) = lock.fencing_token() {
///         // An application would have an error of its own for a stale token.
///         let now = balance.read(token).expect("the newest");
///         balance.write(token, now - 1).expect("still the newest");
///     }
///     Ok(())
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), LockError> {
/// # let balance = FencedRegister::new(5);
/// # LockClient::in_memory().scope(debit(7, &balance)).await?;
/// # assert_eq!(balance.into_inner(), 4);
/// # Ok(())
/// # }
/// ```
///
/// The key of a fenced lock has no braces, or one hash tag such as `{order:<id>}:x`, because its
/// fence must lie in the same Cluster slot.
///
/// # Order of evaluation
///
/// `client`, `ttl`, `wait`, the longest hold, `min_hold`, the expressions of `with`, the key's values and
/// `or_else`; then the body's future is built, but not polled; then the lock is taken; then the
/// body runs. On every exit the body is dropped with all its locals and arguments before the lock
/// is given up, so that a transaction it holds has ended first.
///
/// # What it becomes
///
/// ```ignore
/// // Abbreviated: paths are absolute, and the names of generated values are hygienic.
/// async fn place_order(user_id: u64, items: Vec<u64>) -> Result<u64, LockError> {
///     let mut request = Request::ambient(concat!(module_path!(), "::place_order"));
///     request.ttl(Duration::from_millis(10000));
///     request.key({
///         let mut key = Key::new();
///         key.literal("order:");
///         key.value("user_id", &user_id);
///         key
///     });
///     let slot = &Slot::new(); // will hold the guard
///     let body = async move {
///         if false { /* a return of the right type, for better errors */ }
///         let _ = &user_id; // moved in even if not mentioned, to be dropped in time
///         let _ = &items;
///         let total = items.iter().sum();
///         Ok(total)
///     };
///     let body = pin!(Some(body));
///     run(request, slot, body).await.settle(
///         |output| Probe(output).is_failure(),
///         |error| report(error), // or what `or_else` says
///     )
/// }
/// ```
///
/// # Functions
///
/// Any `async fn` with a body: free functions, methods with every form of `self`, methods of traits
/// and of their implementations, generic ones, `impl Trait` on either side, `async unsafe fn`. The
/// future is `Send` if the body's is. A function that calls itself must box the call, as ever, and
/// finds its own lock busy unless the key differs.
///
/// The other attributes of a function:
///
/// - `#[async_trait]`: stays on the trait and the `impl`, this one goes on the methods. A
///   placeholder cannot name what a pattern binds there: take a plain argument.
/// - `#[tokio::main]`, `#[tokio::test]`: below this one, since they remove the `async`.
/// - `#[tracing::instrument]`: above this one its span is opened inside the lock and lasts as long
///   as the body; below, it also covers the waiting, the releasing and the failure of the lock.
/// - axum's `#[debug_handler]`: below this one where `guard` is used, since it compiles a copy of the body
///   without this attribute; else above or below.
/// - actix's `#[get(…)]` and the like: above or below. `#[actix_web::main]`, `#[actix_web::test]`: below.
///
/// ```
/// # use lock_runtime::{LockClient, LockError, distributed_lock};
/// #[async_trait::async_trait]
/// trait Orders {
///     async fn place(&self, user_id: u64) -> Result<u64, LockError>;
/// }
///
/// struct Shop {
///     locks: LockClient,
/// }
///
/// #[async_trait::async_trait]
/// impl Orders for Shop {
///     #[distributed_lock(key = "order:<user_id>", ttl = 10, client = self.locks)]
///     #[tracing::instrument(skip(self))]
///     async fn place(&self, user_id: u64) -> Result<u64, LockError> {
///         Ok(user_id)
///     }
/// }
///
/// #[distributed_lock(key = "nightly", ttl = 10, client = LockClient::in_memory())]
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> Result<(), LockError> {
///     let shop = Shop { locks: LockClient::in_memory() };
///     assert_eq!(shop.place(42).await?, 42);
///     Ok(())
/// }
/// ```
///
/// # Cancellation safety
///
/// A call may be dropped at any await. The body is dropped first; a lock that is held, or may have
/// been granted without our knowing, is then given up in the background. Nothing blocks.
/// `LockClient::shutdown` waits for what is under way; what no process is left to release, the ttl
/// ends.
///
/// # Panics
///
/// A panic of the body passes through to the caller, and the lock is given up as if the call had
/// been dropped. With `panic = "abort"` the ttl has to end it.
#[proc_macro_attribute]
pub fn distributed_lock(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(arguments.into(), item.into()).into()
}
