//! What a server was told between two moments, and by whom.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::world::{LONG, World};

/// What `MONITOR` shows from its start on.
pub(crate) struct Trace<'a> {
    world: &'a World,
    lines: Arc<Mutex<Vec<String>>>,
    more: Arc<Notify>,
    /// Whose connections are whose, by their addresses.
    users: HashMap<String, String>,
    /// What to write for a token or an address.
    names: Vec<(String, String)>,
}

/// One command.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// By the server's clock.
    pub(crate) at: Duration,
    /// The user's name; `script` for what a script does, `note` for the test's own words.
    pub(crate) who: String,
    /// The command, or what the script does that it calls.
    pub(crate) what: String,
    rest: Vec<String>,
}

/// A trace that is over.
pub(crate) struct Steps(pub(crate) Vec<Step>);

impl<'a> Trace<'a> {
    pub(crate) async fn start(world: &'a World) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", world.server.port())).await;
        let mut stream = stream.expect("the server answers");
        stream.write_all(b"MONITOR\r\n").await.expect("is sent");
        let mut told = BufReader::new(stream).lines();
        let first = told.next_line().await.expect("an answer");
        assert_eq!(first.as_deref(), Some("+OK"));
        let (lines, more) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let (seen, wake) = (lines.clone(), more.clone());
        tokio::spawn(async move {
            while let Ok(Some(line)) = told.next_line().await {
                seen.lock().expect("no panic").push(line);
                wake.notify_one();
            }
        });
        let mut trace = Self {
            world,
            lines,
            more,
            users: HashMap::new(),
            names: Vec::new(),
        };
        trace.meet().await;
        trace
    }

    /// Learns whose connections there are.
    async fn meet(&mut self) {
        let told: String = self.world.run(&["CLIENT", "LIST"]).await;
        let field = |line: &str, name: &str| {
            let mut fields = line.split(' ');
            fields.find_map(|field| field.strip_prefix(name).map(str::to_owned))
        };
        let met = told
            .lines()
            .filter_map(|line| field(line, "addr=").zip(field(line, "user=")));
        self.users.extend(met);
    }

    /// What to write for `word`.
    pub(crate) fn name(&mut self, word: &str, name: &str) {
        self.names.push((word.to_owned(), name.to_owned()));
    }

    /// Puts words of the test's own into the trace.
    pub(crate) async fn note(&self, words: &str) {
        let _: String = self.world.run(&["ECHO", words]).await;
        self.until(|line| line.contains(words)).await;
    }

    /// Waits until such a line was seen.
    pub(crate) async fn until(&self, mut found: impl FnMut(&str) -> bool) {
        let seen = async {
            loop {
                let more = self.more.notified();
                if self
                    .lines
                    .lock()
                    .expect("no panic")
                    .iter()
                    .any(|line| found(line))
                {
                    return;
                }
                more.await;
            }
        };
        timeout(LONG, seen).await.expect("the command is seen");
    }

    /// Prints all that came so far under a title.
    pub(crate) async fn end(mut self, title: &str) -> Steps {
        self.note("the end").await;
        self.meet().await;
        let lines = self.lines.lock().expect("no panic").clone();
        let steps = lines.iter().filter_map(|line| self.step(line));
        let steps: Vec<_> = steps.filter(|step| step.who != "default").collect();
        let steps = Steps(steps);
        println!("{}", self.written(title, &steps));
        steps
    }

    fn step(&self, line: &str) -> Option<Step> {
        let (head, rest) = line.strip_prefix('+')?.split_once(" [")?;
        let (who, words) = rest.split_once("] ")?;
        let (seconds, micros) = head.split_once('.')?;
        let at = Duration::from_secs(seconds.parse().ok()?)
            + Duration::from_micros(micros.parse().ok()?);
        let (_, address) = who.split_once(' ')?;
        let mut words = unquoted(words);
        let mut what = words.remove(0).to_uppercase();
        let mut who = match address {
            "lua" => "script".to_owned(),
            address => self.users.get(address).cloned().unwrap_or("?".to_owned()),
        };
        if what == "ECHO" && words.first().is_some_and(|word| word != "the end") {
            "note".clone_into(&mut who);
        }
        if let Some(script) = script(&what, &words) {
            script.clone_into(&mut what);
            words.drain(..2);
        }
        Some(Step {
            at,
            who,
            what,
            rest: words,
        })
    }

    fn written(&self, title: &str, steps: &Steps) -> String {
        let mut text = format!("\n{title}\n");
        let Some(start) = steps.0.first().map(|step| step.at) else {
            return text;
        };
        for step in &steps.0 {
            let mut rest = step.rest.join(" ");
            for (word, name) in &self.names {
                rest = rest.replace(word, name);
            }
            let after = step.at.saturating_sub(start).as_secs_f64() * 1_000.0;
            let Step { who, what, .. } = step;
            let wrote = match &**who {
                "note" => writeln!(text, "{after:8.1} ms  ({rest})"),
                "script" => writeln!(text, "{:23}  {what} {rest}", ""),
                _ => writeln!(text, "{after:8.1} ms  {who:9} {what} {rest}"),
            };
            wrote.expect("a text takes all");
        }
        text
    }
}

impl Steps {
    /// What one user has sent.
    pub(crate) fn by(&self, who: &str) -> Vec<&str> {
        let own = self.0.iter().filter(|step| step.who == who);
        own.map(|step| &*step.what).collect()
    }

    /// The moment of the first such step.
    pub(crate) fn at(&self, who: &str, what: &str) -> Duration {
        let found = self
            .0
            .iter()
            .find(|step| step.who == who && step.what == what);
        found.unwrap_or_else(|| panic!("{who}: {what}")).at
    }

    /// From one step to the next one of the test's own words.
    pub(crate) fn until_note(&self, from: Duration) -> Duration {
        let note = |step: &&Step| step.who == "note" && step.at >= from;
        let note = self.0.iter().find(note).expect("a note");
        note.at.saturating_sub(from)
    }

    /// How often scripts published words that begin so.
    pub(crate) fn published(&self, words: &str) -> usize {
        let told = |step: &&Step| {
            let news = step.rest.get(1);
            step.what == "PUBLISH" && news.is_some_and(|news| news.starts_with(words))
        };
        self.0.iter().filter(told).count()
    }
}

/// What a script does, by the shape of its call.
fn script(command: &str, words: &[String]) -> Option<&'static str> {
    if !command.starts_with("EVAL") {
        return None;
    }
    let keys: usize = words.get(1)?.parse().ok()?;
    let args = words.get(2 + keys..)?;
    let is_number = |at: usize| args.get(at).is_some_and(|word| word.parse::<u64>().is_ok());
    Some(match args.len() {
        4 if is_number(1) => "join",
        1 | 4 => "pass",
        3 => "swap",
        2 if keys == 1 => "extend",
        _ => "take",
    })
}

fn unquoted(mut text: &str) -> Vec<String> {
    let mut words = Vec::new();
    while let Some((_, rest)) = text.split_once('"') {
        let mut word = String::new();
        let mut chars = rest.char_indices();
        let mut end = rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    end = at + 1;
                    break;
                }
                '\\' => word.extend(chars.next().map(|(_, c)| c)),
                c => word.push(c),
            }
        }
        words.push(word);
        text = &rest[end..];
    }
    words
}
