//! The resource's side of fencing.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fence::FencingToken;

/// A value that refuses whoever comes with an older fencing token than it has seen: what a resource
/// under a fenced lock must do, here for one in memory.
///
/// Reads count as well as writes. A holder that reads under a new token makes the value safe from its
/// predecessor at once; checked on writes only, the predecessor's late write would still get in
/// between the new holder's read and write, and be overwritten.
///
/// In SQL the same is a column, both statements in the holder's own transactions:
///
/// ```sql
/// UPDATE account SET fence = :fence WHERE id = :id AND fence <= :fence RETURNING balance;
/// UPDATE account SET balance = :balance, fence = :fence WHERE id = :id AND fence <= :fence;
/// ```
///
/// where no row means that the token is stale.
///
/// ```
/// use lock_runtime::{FencedRegister, LockClient, LockError, StaleFencingToken};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), LockError> {
/// let client = LockClient::in_memory();
/// let balance = FencedRegister::new(100);
///
/// let guard = client.lock("account:7").fenced().acquire().await?;
/// let early = guard.fencing_token().expect("asked for");
/// guard.release().await?; // or its lease ran out while the process stood still
///
/// let guard = client.lock("account:7").fenced().acquire().await?;
/// let late = guard.fencing_token().expect("asked for");
/// let read = balance.read(late).expect("the newest");
/// let stale = balance.write(early, 0).unwrap_err(); // came too late
/// assert_eq!(stale, StaleFencingToken { offered: early, newest: late });
/// balance.write(late, read - 30).expect("still the newest");
/// assert_eq!(balance.newest(), Some(late));
/// assert_eq!(balance.into_inner(), 70);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct FencedRegister<T>(Mutex<Fenced<T>>);

#[derive(Debug, Default)]
struct Fenced<T> {
    value: T,
    newest: Option<FencingToken>,
}

/// Somebody with a newer fencing token was here already: the caller's lock is lost. See
/// [`FencedRegister`] for an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "fencing token {offered} is stale, {newest} was here already: the lock was lost, do not write; \
     take it again and read anew"
)]
pub struct StaleFencingToken {
    /// What the caller came with.
    pub offered: FencingToken,
    /// The newest seen so far.
    pub newest: FencingToken,
}

impl<T> FencedRegister<T> {
    /// A value that no token has seen yet.
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(Fenced {
            value,
            newest: None,
        }))
    }

    /// A copy of the value; from now on older tokens are refused.
    ///
    /// # Errors
    ///
    /// [`StaleFencingToken`] if a newer one has read or written.
    pub fn read(&self, token: FencingToken) -> Result<T, StaleFencingToken>
    where
        T: Clone,
    {
        Ok(self.admit(token)?.value.clone())
    }

    /// Replaces the value; from now on older tokens are refused.
    ///
    /// # Errors
    ///
    /// [`StaleFencingToken`] if a newer one has read or written; the value is then left alone.
    pub fn write(&self, token: FencingToken, value: T) -> Result<(), StaleFencingToken> {
        self.admit(token)?.value = value;
        Ok(())
    }

    /// The newest token that has read or written.
    pub fn newest(&self) -> Option<FencingToken> {
        self.fenced().newest
    }

    /// The value at the end.
    pub fn into_inner(self) -> T {
        let fenced = self.0.into_inner();
        fenced.unwrap_or_else(PoisonError::into_inner).value
    }

    fn admit(&self, token: FencingToken) -> Result<MutexGuard<'_, Fenced<T>>, StaleFencingToken> {
        let mut fenced = self.fenced();
        if let Some(newest) = fenced.newest.filter(|newest| *newest > token) {
            return Err(StaleFencingToken {
                offered: token,
                newest,
            });
        }
        fenced.newest = Some(token);
        Ok(fenced)
    }

    /// A panic in `T`'s `Clone` leaves the value as it was.
    fn fenced(&self) -> MutexGuard<'_, Fenced<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: FencingToken = FencingToken::new(1);
    const NEW: FencingToken = FencingToken::new(2);

    #[test]
    fn a_read_shuts_out_older_writes_and_reads() {
        let register = FencedRegister::new(0);
        assert_eq!(register.read(OLD), Ok(0));
        assert_eq!(register.read(NEW), Ok(0));
        let stale = StaleFencingToken {
            offered: OLD,
            newest: NEW,
        };
        assert_eq!(register.write(OLD, 5), Err(stale));
        assert_eq!(register.read(OLD), Err(stale));
        assert_eq!(register.write(NEW, 7), Ok(()));
        assert_eq!(register.read(NEW), Ok(7));
        assert_eq!(register.newest(), Some(NEW));
        assert_eq!(register.into_inner(), 7);
    }
}
