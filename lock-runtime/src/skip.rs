//! Calls that are left out while somebody else runs them.

use crate::error::LockError;

/// For `or_else = skip`: a call whose lock is busy, also at the end of its `wait`, is left out, and says so as
/// its return type can.
///
/// | the function returns | skipped | any other failure of the lock |
/// | --- | --- | --- |
/// | `()` | `()` | `()`, and a warning (`tracing`) |
/// | `Option<T>` | `None` | `None`, and a warning |
/// | `Result<(), E>` where `E: From<LockError>` | `Ok(())` | `Err(error.into())` |
/// | `Result<Option<T>, E>`, likewise | `Ok(None)` | `Err(error.into())` |
/// | a type of your own that is [`Skipped`], or a `Result` of one | as it says | as it says, or `Err(error.into())` |
///
/// ```
/// use lock_runtime::{LockClient, LockError, distributed_lock, skip};
///
/// #[distributed_lock(key = "cleanup", ttl = "5m", or_else = skip)]
/// async fn cleanup() -> Result<Option<u64>, LockError> {
///     Ok(Some(3)) // removed
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), LockError> {
/// # let client = LockClient::in_memory();
/// assert_eq!(client.scope(cleanup()).await?, Some(3));
/// let elsewhere = client.lock("cleanup").acquire().await?;
/// assert_eq!(client.scope(cleanup()).await?, None);
/// # elsewhere.release().await?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn skip<R: Skipped>(error: LockError) -> R {
    if error.is_busy() {
        R::skipped()
    } else {
        R::failed(error)
    }
}

/// What a function returns whose call may be left out by [`skip`].
///
/// ```
/// use lock_runtime::{LockError, Skipped, distributed_lock, skip};
///
/// enum Nightly {
///     Done(u64),
///     SomebodyElse,
///     Failed(LockError),
/// }
///
/// impl Skipped for Nightly {
///     fn skipped() -> Self {
///         Self::SomebodyElse
///     }
///
///     fn failed(error: LockError) -> Self {
///         Self::Failed(error)
///     }
/// }
///
/// #[distributed_lock(key = "nightly", ttl = "5m", or_else = skip)]
/// async fn nightly() -> Nightly {
///     Nightly::Done(3)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`skip` cannot leave out a call that returns `{Self}`: return `()`, `Option<_>`, or a `Result` of one \
               of them whose error implements `From<LockError>`, or write a closure after `or_else`",
    label = "cannot tell that the call was skipped"
)]
pub trait Skipped: Sized {
    /// The output of a call that was left out.
    fn skipped() -> Self;

    /// The output of a call whose lock failed in another way, or was lost under it.
    fn failed(error: LockError) -> Self;
}

impl Skipped for () {
    fn skipped() -> Self {}

    fn failed(error: LockError) -> Self {
        warn(&error);
    }
}

impl<T> Skipped for Option<T> {
    fn skipped() -> Self {
        None
    }

    fn failed(error: LockError) -> Self {
        warn(&error);
        None
    }
}

impl<T: Skipped, E: From<LockError>> Skipped for Result<T, E> {
    fn skipped() -> Self {
        Ok(T::skipped())
    }

    fn failed(error: LockError) -> Self {
        Err(error.into())
    }
}

fn warn(error: &LockError) {
    tracing::warn!(%error, "a call failed for its lock, which its return type cannot tell");
}
