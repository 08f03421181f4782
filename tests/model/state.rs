//! The state of all parties, and every step that it allows.

use stateright::{Model, Property};

use crate::network::{Answer, Command, Request};
use crate::properties;
use crate::protocol::{Access, Client, Ended, Lease, Phase, Resource, Server};
use crate::rules::Rule;
use crate::world::{Faults, World};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) now: u8,
    pub(crate) server: Server,
    pub(crate) clients: Vec<Client>,
    pub(crate) resource: Resource,
    /// What may still go wrong.
    pub(crate) left: Faults,
    /// Ticks in a row without a fault in which the key stayed free although somebody waited for it.
    pub(crate) neglected: u8,
    /// A late body's result stood although somebody else had held the lock meanwhile.
    pub(crate) false_result: bool,
}

/// One step. `client` and `connection` by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Time goes on. Whoever had something to do is paused, whatever should have arrived is slow.
    Tick,
    /// An acquire call begins.
    Start(u8),
    Poll(u8),
    /// The news arrives that the key was passed on.
    Hear(u8),
    /// It arrives, and will once more.
    HearTwice(u8),
    /// The answer reaches the client.
    Receive(u8),
    TimeOut(u8),
    Cancel(u8),
    Renew(u8),
    Access(u8, Access),
    HandOver(u8),
    /// The body ends, and the next call joins the line with its release.
    PassOn(u8),
    /// An acquire call begins that joins the line with a last word for the call before.
    PassLate(u8),
    /// The body ends.
    Finish(u8),
    /// The server runs the next command of a connection.
    Run(u8, u8),
    RunTwice(u8, u8),
    Lose(u8, u8),
    LoseAnswer(u8),
    Disconnect(u8),
    Crash(u8),
    Restart,
    /// The line is deleted.
    LoseLine,
    /// A stranger deletes the key.
    Delete,
}

impl State {
    fn client(&mut self, number: u8) -> &mut Client {
        &mut self.clients[usize::from(number)]
    }

    /// What should happen before time goes on: commands to arrive, clients to act.
    fn pressing(&self, world: &World) -> (usize, usize) {
        let commands = self
            .clients
            .iter()
            .map(|client| client.flight.prompt())
            .sum();
        let pressed = |client: &&Client| !client.paused && client.is_pressed(self.now, world);
        let commands = if self.server.down { 0 } else { commands };
        (commands, self.clients.iter().filter(pressed).count())
    }

    fn may_tick(&self, world: &World) -> bool {
        let (commands, clients) = self.pressing(world);
        let paused = clients <= usize::from(self.left.pauses);
        self.now < world.ticks && commands <= usize::from(self.left.delays) && paused
    }

    fn tick(&mut self, world: &World) {
        let (commands, pressed) = self.pressing(world);
        self.left.delays -= u8::try_from(commands).expect("a few");
        self.left.pauses -= u8::try_from(pressed).expect("a few");
        let now = self.now;
        for client in &mut self.clients {
            client.paused |= client.is_pressed(now, world);
            if !self.server.down {
                client.flight.all_slow();
            }
        }
        let waits =
            |client: &Client| matches!(client.phase, Phase::Waiting { .. }) && !client.paused;
        let wanted = self.clients.iter().any(waits);
        let calm = commands == 0 && pressed == 0 && !self.server.down;
        let neglects = calm && wanted && self.server.value.is_none();
        self.neglected = if neglects { self.neglected + 1 } else { 0 };
        self.now += 1;
        self.server.tick(self.now);
    }

    fn run(&mut self, request: &Request, world: &World) {
        let before = self.server.value;
        let answer = self.server.run(request, self.now, world);
        let granted = self.server.value.is_some() && self.server.value != before;
        if granted {
            self.neglected = 0;
        }
        let owner = request.token.client;
        let holder = self.server.value;
        for (client, number) in self.clients.iter_mut().zip(0..) {
            if let Phase::Held(lease) = &mut client.phase {
                lease.taken_over |= granted && holder.is_some_and(|token| token.client != number);
            }
        }
        if let Some(token) = holder.filter(|_| granted) {
            let client = self.client(token.client);
            client.is_given(token);
            if matches!(request.command, Command::Pass | Command::PassJoining) {
                client.is_told(token);
            }
        }
        if request.awaited {
            self.client(owner).answered(answer);
        }
    }

    /// The key is gone for a reason that no client need know of.
    fn forget_holder(&mut self) {
        if let Some(token) = self.server.value {
            let client = self.client(token.client);
            client.forgotten |= client.token() == token && client.phase != Phase::Crashed;
        }
    }

    /// The steps that one client may take, and those of its commands.
    fn steps_of(&self, number: u8, world: &World, steps: &mut Vec<Step>) {
        let client = &self.clients[usize::from(number)];
        let left = &self.left;
        let mut may = |condition: bool, step: Step| {
            if condition {
                steps.push(step);
            }
        };
        let answered = client
            .awaited
            .as_ref()
            .is_some_and(|awaited| awaited.answer.is_some());
        may(answered, Step::Receive(number));
        may(answered && left.losses > 0, Step::LoseAnswer(number));
        may(client.may_time_out(self.now), Step::TimeOut(number));
        may(
            client.awaited.is_some() && left.breaks > 0,
            Step::Disconnect(number),
        );
        let more = client.call < world.calls;
        let in_life = match &client.phase {
            Phase::Idle(ended) => {
                // The clients are alike: which of them is first makes no difference.
                let turn = *ended != Ended::Never
                    || self.clients[..usize::from(number)]
                        .iter()
                        .all(|other| other.call > 0);
                may(more && turn, Step::Start(number));
                let late = matches!(ended, Ended::Stands { .. }) && world.native;
                may(more && late && left.rejoins > 0, Step::PassLate(number));
                false
            }
            Phase::Asking(_) => {
                may(left.cancels > 0, Step::Cancel(number));
                true
            }
            Phase::Waiting { asked, .. } => {
                may(client.news, Step::Hear(number));
                may(client.news && left.echoes > 0, Step::HearTwice(number));
                let polls = world.keeps(Rule::WaitersPoll);
                may(*asked < self.now && polls, Step::Poll(number));
                may(left.cancels > 0, Step::Cancel(number));
                false
            }
            Phase::Held(lease) => {
                may(
                    left.renewals > 0 && client.may_renew(self.now),
                    Step::Renew(number),
                );
                let swaps = more && left.hand_overs > 0;
                may(
                    swaps && client.may_hand_over(*lease, self.now, world),
                    Step::HandOver(number),
                );
                may(
                    more && left.rejoins > 0 && !world.native,
                    Step::PassOn(number),
                );
                let read = Some(Access::Read);
                // A stop inside one poll delays what the body does beyond its deadline.
                may(
                    world.fenced && lease.accessed != read,
                    Step::Access(number, Access::Read),
                );
                may(
                    world.fenced && lease.accessed == read,
                    Step::Access(number, Access::Write),
                );
                may(true, Step::Finish(number));
                true
            }
            Phase::Releasing(_) => true,
            Phase::Crashed => false,
        };
        may(in_life && left.crashes > 0, Step::Crash(number));
        if self.server.down {
            return;
        }
        for request in client.flight.heads() {
            let connection = request.connection;
            may(true, Step::Run(number, connection));
            may(left.losses > 0, Step::Lose(number, connection));
            let sets = request.command == Command::Set && !request.copy;
            may(sets && left.copies > 0, Step::RunTwice(number, connection));
        }
    }

    fn end_body(&mut self, number: u8, end: fn(&mut Client, Lease, u8, &World), world: &World) {
        let now = self.now;
        let client = self.client(number);
        if let Phase::Held(lease) = client.phase {
            end(client, lease, now, world);
        }
    }

    fn take(&mut self, step: Step, world: &World) {
        let now = self.now;
        match step {
            Step::Tick => self.tick(world),
            Step::Start(number) => self.client(number).start(now, world),
            Step::Poll(number) => self.client(number).poll(now, world),
            Step::Hear(number) => self.client(number).hear(now, world),
            Step::HearTwice(number) => {
                self.left.echoes -= 1;
                let client = self.client(number);
                client.hear(now, world);
                client.news = matches!(client.phase, Phase::Asking(_));
            }
            Step::Receive(number) => {
                let mut false_result = false;
                self.client(number).receive(now, world, &mut false_result);
                // Only then does a released token come back after it was deleted.
                self.false_result |= false_result && self.left.copies == world.faults.copies;
            }
            Step::TimeOut(number) => self.client(number).time_out(now, world),
            Step::Cancel(number) => {
                self.left.cancels -= 1;
                self.client(number).give_up(world);
            }
            Step::Renew(number) => {
                self.left.renewals -= 1;
                self.client(number).renew(now);
            }
            Step::Access(number, access) => {
                let client = &mut self.clients[usize::from(number)];
                if let Phase::Held(lease) = &mut client.phase {
                    lease.accessed = Some(access);
                    self.resource.access(access, lease.grant, world);
                }
            }
            Step::HandOver(number) => {
                self.left.hand_overs -= 1;
                self.end_body(number, Client::hand_over, world);
            }
            Step::PassOn(number) => {
                self.left.rejoins -= 1;
                self.end_body(number, Client::pass_on, world);
            }
            Step::PassLate(number) => {
                self.left.rejoins -= 1;
                self.client(number).pass_late(now, world);
            }
            Step::Finish(number) => {
                self.end_body(number, Client::finish, world);
            }
            Step::Run(number, connection) => {
                if let Some(request) = self.client(number).flight.take(connection) {
                    self.run(&request, world);
                }
            }
            Step::RunTwice(number, connection) => {
                self.left.copies -= 1;
                if let Some(request) = self.client(number).flight.copy(connection) {
                    self.run(&request, world);
                }
            }
            Step::Lose(number, connection) => {
                self.left.losses -= 1;
                self.client(number).flight.take(connection);
            }
            Step::LoseAnswer(number) => {
                self.left.losses -= 1;
                if let Some(awaited) = &mut self.client(number).awaited {
                    awaited.answer = None::<Answer>;
                }
            }
            Step::Disconnect(number) => {
                self.left.breaks -= 1;
                self.client(number).disconnect(now, world);
            }
            Step::Crash(number) => {
                self.left.crashes -= 1;
                self.client(number).crash();
            }
            Step::LoseLine => {
                self.left.line_losses -= 1;
                self.server.line.clear();
            }
            Step::Delete => {
                self.left.deletions -= 1;
                self.forget_holder();
                self.server.clear();
            }
            Step::Restart => {
                self.left.restarts -= 1;
                self.forget_holder();
                self.server.forget();
            }
        }
    }
}

impl Model for World {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            now: 0,
            server: Server::default(),
            clients: (0..self.clients).map(Client::new).collect(),
            resource: Resource::default(),
            left: self.faults.clone(),
            neglected: 0,
            false_result: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for number in 0..self.clients {
            state.steps_of(number, self, steps);
        }
        if state.left.restarts > 0 && !state.server.down {
            steps.push(Step::Restart);
        }
        if state.left.line_losses > 0 && !state.server.line.is_empty() {
            steps.push(Step::LoseLine);
        }
        if state.left.deletions > 0 && state.server.value.is_some() {
            steps.push(Step::Delete);
        }
        if state.may_tick(self) {
            steps.push(Step::Tick);
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        next.take(step, self);
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self)
    }
}
