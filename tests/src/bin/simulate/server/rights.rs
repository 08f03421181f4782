//! What a server may deny to its user, or not have.

use super::resp::Reply;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// To touch a line.
    Lines,
    Publish,
    Subscribe,
    Track,
    /// To be told anything unasked.
    Hello,
}

/// What is denied, to everybody or to the user of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) right: Right,
    pub(crate) host: Option<&'static str>,
}

impl Denied {
    pub(crate) fn is(self, right: Right, host: &str) -> bool {
        self.right == right && self.host.is_none_or(|denied| denied == host)
    }
}

pub(crate) const RIGHTS: [Right; 5] = [
    Right::Lines,
    Right::Publish,
    Right::Subscribe,
    Right::Track,
    Right::Hello,
];

pub(crate) const DENIED: Reply = Reply::Error("NOPERM this user has no permissions for that");
