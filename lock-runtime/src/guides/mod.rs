//! The guides of the repository's folder `docs`. Their code is compiled and run by its tests.
//!
//! | | |
//! | --- | --- |
//! | [`choosing`] | ttl, wait, renew and the other options: which, and what each costs |
//! | [`locks_and_your_database`] | the order of lock and transaction, and the fence |
//! | [`testing`] | without a server and without waiting |
//! | [`coming_from`] | Redisson, `ShedLock` and redlock in these words |
//! | [`something_is_locked`] | what to do at night |

// The first definition of a link counts: a page leads to pages of the repository there, and to these here.

#[doc = include_str!("choosing.md")]
pub mod choosing {}

#[doc = include_str!("locks-and-your-database.md")]
pub mod locks_and_your_database {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("coming-from.md")]
pub mod coming_from {}

#[doc = "[inspect]: https://docs.rs/lock-inspect"]
#[doc = "[promise]: crate#what-can-go-wrong"]
#[doc = ""]
#[doc = include_str!("something-is-locked.md")]
pub mod something_is_locked {}
