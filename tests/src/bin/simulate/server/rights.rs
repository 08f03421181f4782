//! What a server may deny to its user, or not have.

use super::resp::Reply;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// To touch a line.
    Lines,
    /// To come into one: there is no memory left for it.
    Room,
    Publish,
    Subscribe,
    Track,
    /// To be told anything unasked.
    Hello,
}

pub(crate) const RIGHTS: [Right; 6] = [
    Right::Lines,
    Right::Room,
    Right::Publish,
    Right::Subscribe,
    Right::Track,
    Right::Hello,
];

pub(crate) const DENIED: Reply = Reply::Error("NOPERM this user has no permissions for that");
