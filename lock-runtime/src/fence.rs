//! A number that grows with every fenced acquisition of a key.

use std::fmt;

/// The fencing token of one acquisition: greater than that of every earlier fenced acquisition of the
/// same key, also after a server has lost its data, as long as the server's clock does not run
/// backwards meanwhile.
///
/// Give it to the resource with every read and every write, and let the resource refuse what comes
/// with an older one than it has seen: see [`FencedRegister`](crate::FencedRegister). Below 2^53, so
/// that every database and JSON carries it.
///
/// ```
/// use lock_runtime::FencingToken;
///
/// let (early, late) = (FencingToken::new(7), FencingToken::new(8));
/// assert!(early < late);
/// let column = i64::try_from(late.get()).expect("below 2^53");
/// assert_eq!(column.to_string(), late.to_string());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FencingToken(u64);

impl FencingToken {
    /// For backends, and for tests of what checks tokens.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
