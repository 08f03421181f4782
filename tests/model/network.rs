//! Commands on their way: in order on each connection, in no order between connections.
//!
//! In: delay of a command (and of all behind it) for as long as you like, loss of a command or of an
//! answer, connections given up for new ones while their commands are still on the way, and commands
//! run twice. Each fault is taken from the world's budget. Out: answers that are not those of their
//! commands, and commands of one connection that overtake each other; TCP promises neither happens.
//! Commands run twice are more than a `LockSession` may do; the rules bear them, except that a late
//! body's result then proves nothing (see `properties`), and that nothing may be passed on: who joins
//! the line twice by one command takes old news for news of a later turn.

/// A command to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Command {
    /// `SET key token NX GET PX ttl`, or the script that also draws the fence. Where locks are passed
    /// on, the script that extends what it finds its own, and joins the line if another stands there.
    Set,
    /// `GET`: whose token stands there?
    Check,
    /// Compare-and-pexpire.
    Extend,
    /// Compare-and-delete.
    Cad,
    /// Leaves the line; compare-and-delete, but if somebody stands in line, his token takes the place
    /// of ours for a while, or comes to a key that is free.
    Pass,
    /// The same with the client's previous token, while the given one joins the line's end.
    PassJoining,
    /// The client's previous token replaced by the given one in one step, with its own ttl.
    Swap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    /// SET or swap: the token stands there now. Extend: it stays for another ttl.
    Done(Grant),
    /// The token stood there already.
    Ours(Grant),
    /// The token that was to be swapped stands there.
    Old,
    /// Another stands there. Where locks are passed on, a SET's token has joined the line now.
    Other,
    /// Another stands there, and the SET's token in the line, where it stood before.
    InLine,
    Free,
    /// The token stood there, and was deleted or passed on.
    Deleted,
    Passed(Passed),
}

/// What a release did in which another token joined the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Passed {
    /// Whether the released token stood there.
    pub(crate) was_ours: bool,
    /// Whether the other token was not in line before.
    pub(crate) joined: bool,
    /// Whether it stands at the key now, for a claim.
    pub(crate) served: bool,
}

/// What the server knows of an acquisition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Grant {
    /// The fencing token.
    pub(crate) fence: u8,
    /// How many acquisitions there were before, which no party knows.
    pub(crate) rank: u8,
}

/// A command that has not reached the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) connection: u8,
    pub(crate) command: Command,
    pub(crate) token: Token,
    /// Whether its client still wants the answer.
    pub(crate) awaited: bool,
    /// Time may pass before it arrives.
    pub(crate) slow: bool,
    pub(crate) copy: bool,
}

/// The token of one acquire call of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Token {
    pub(crate) client: u8,
    pub(crate) call: u8,
}

impl Token {
    /// The token that a hand-over to this one replaces.
    pub(crate) fn previous(self) -> Self {
        Self {
            call: self.call.wrapping_sub(1),
            ..self
        }
    }
}

/// One client's commands on their way, in the order of their sending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flight(Vec<Request>);

impl Flight {
    pub(crate) fn send(&mut self, request: Request) {
        self.0.push(request);
    }

    /// The next command of each connection.
    pub(crate) fn heads(&self) -> impl Iterator<Item = &Request> {
        let first = |at: usize| {
            let connection = self.0[at].connection;
            self.0[..at]
                .iter()
                .all(|other| other.connection != connection)
        };
        (0..self.0.len())
            .filter(move |&at| first(at))
            .map(|at| &self.0[at])
    }

    /// Whether a release of the token is on its way.
    pub(crate) fn releases(&self, token: Token) -> bool {
        self.0.iter().any(|request| match request.command {
            Command::Cad | Command::Pass => request.token == token,
            Command::PassJoining => request.token.previous() == token,
            _ => false,
        })
    }

    pub(crate) fn take(&mut self, connection: u8) -> Option<Request> {
        let at = self
            .0
            .iter()
            .position(|request| request.connection == connection)?;
        Some(self.0.remove(at))
    }

    /// The command arrives now and once more later, before anything behind it.
    pub(crate) fn copy(&mut self, connection: u8) -> Option<Request> {
        let mut own = self
            .0
            .iter_mut()
            .filter(|request| request.connection == connection);
        let head = own.next()?;
        let first = head.clone();
        head.copy = true;
        head.slow = true;
        Some(first)
    }

    /// The client has stopped waiting: whatever is answered is not heard.
    pub(crate) fn unheard(&mut self) {
        for request in &mut self.0 {
            request.awaited = false;
        }
    }

    /// What the connection still carries may arrive at any time.
    pub(crate) fn leave_behind(&mut self, connection: u8) {
        for request in &mut self.0 {
            request.slow |= request.connection == connection;
        }
    }

    /// The connections on which something should arrive before time goes on.
    pub(crate) fn prompt(&self) -> usize {
        self.heads().filter(|request| !request.slow).count()
    }

    pub(crate) fn all_slow(&mut self) {
        for request in &mut self.0 {
            request.slow = true;
        }
    }
}
