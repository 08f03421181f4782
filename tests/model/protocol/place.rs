//! Where a token may stand, and since when: `release/place.rs` of the client without its queue.
//!
//! Left out: SETs that did not leave, and those refused without a look at the key. Both are
//! answered at once and leave nothing.

use crate::rules::Rule;
use crate::world::World;

/// One call's token at the server, as far as its client knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The connection that the last command went down.
    home: u8,
    /// When the earliest SET was sent that has run and may have left the token at the key.
    ran: Option<u8>,
    /// SETs that may yet run, in the order of their sending.
    unanswered: Vec<Sent>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sent {
    at: u8,
    connection: u8,
}

impl Place {
    pub(crate) fn sending(&mut self, at: u8, connection: u8) {
        self.home = connection;
        self.unanswered.push(Sent { at, connection });
    }

    /// The last SET put the token there. Gives the moment from which its deadline counts.
    pub(crate) fn granted(&mut self, connection: u8) -> Option<u8> {
        self.ran = self.unanswered.last().map(|sent| sent.at);
        self.take(connection);
        self.ran
    }

    /// The last SET found the token: an earlier one, or the network's copy of itself, put it there.
    pub(crate) fn found_by_set(&mut self, connection: u8, world: &World) -> Option<u8> {
        let since = self.since();
        self.unanswered.pop();
        self.found(connection, world);
        self.ran = since;
        since
    }

    /// The token was seen at the key. Gives the moment from which its deadline counts.
    pub(crate) fn found(&mut self, connection: u8, world: &World) -> Option<u8> {
        let since = self.since();
        let passed = world.passing && world.keeps(Rule::PassedSettlesNothing);
        if self.ran.is_none() && self.unanswered.len() == 1 && !passed {
            self.unanswered.clear();
        }
        self.take(connection);
        self.ran = since;
        self.home = connection;
        since
    }

    /// Somebody has put the token there. What a lease counts from is known elsewhere.
    pub(crate) fn passed(&mut self, connection: u8) {
        self.ran = Some(0);
        self.home = connection;
    }

    /// The token was seen not to be at the key.
    pub(crate) fn missed(&mut self, connection: u8) {
        self.take(connection);
        self.ran = None;
    }

    /// What a client believes that takes "not there" for final.
    pub(crate) fn forget(&mut self) {
        self.ran = None;
        self.unanswered.clear();
    }

    /// What a client believes that takes note of a first sending only.
    pub(crate) fn forget_last(&mut self) {
        self.unanswered.pop();
    }

    /// What a client believes that looks at its last SET only.
    pub(crate) fn last_sent(&self) -> Option<u8> {
        self.unanswered.last().map(|sent| sent.at)
    }

    /// An answer on a connection settles what was sent on it before.
    fn take(&mut self, connection: u8) {
        self.unanswered.retain(|sent| sent.connection != connection);
    }

    fn since(&self) -> Option<u8> {
        let sent = self.unanswered.first().map(|sent| sent.at);
        self.ran.into_iter().chain(sent).min()
    }

    pub(crate) fn may_stand(&self) -> bool {
        self.ran.is_some() || !self.unanswered.is_empty()
    }

    /// Whether every SET was answered. If not, one may land late.
    pub(crate) fn is_settled(&self) -> bool {
        self.unanswered.is_empty()
    }

    /// The connections that a release goes down: `current` in place of one that was given up with
    /// nothing unanswered on it, and each on which a SET may yet land.
    pub(crate) fn carriers(&self, current: u8, world: &World) -> Vec<u8> {
        let sent = self.unanswered.iter().map(|sent| sent.connection);
        let mut carriers = Vec::new();
        let behind_set = world.keeps(Rule::CadBehindSet);
        let needs_home = sent.clone().any(|connection| connection == self.home) && behind_set;
        if self.home == current || !needs_home {
            carriers.push(current);
        }
        for connection in sent.filter(|_| behind_set) {
            if !carriers.contains(&connection) {
                carriers.push(connection);
            }
        }
        carriers
    }

    /// From here on only where the token may stand matters, not since when: fewer states.
    pub(crate) fn without_times(&mut self) {
        self.ran = self.ran.map(|_| 0);
        for sent in &mut self.unanswered {
            sent.at = 0;
        }
    }
}
