//! What the program does, one file a command.

mod leaks;
mod list;
mod release;
mod serve;
mod show;
mod watch;

pub(crate) use leaks::leaks;
pub(crate) use list::list;
pub(crate) use release::{By, release};
pub(crate) use serve::serve;
pub(crate) use show::show;
pub(crate) use watch::watch;

use crate::shown::read;
use crate::trouble::Trouble;

/// The bytes of a key or token as they were given, which is as we print them.
fn given(what: &str, text: &str) -> Result<Vec<u8>, Trouble> {
    read(text).ok_or_else(|| {
        Trouble::Usage(format!(
            "the {what} has a backslash that means nothing; give it as `list` prints it, \
             a backslash itself as `\\\\`"
        ))
    })
}
