//! A story, told in both ways: announced, played, drawn and compared.

use std::time::Duration;

use tokio::time::timeout;

use crate::Result;
use crate::recording::Fault;
use crate::scene::Scene;
use examples::Server;

/// A scene that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Story {
    pub(crate) title: &'static str,
    /// What is about to be seen.
    pub(crate) about: &'static [&'static str],
    pub(crate) naive: Way,
    pub(crate) attribute: Way,
    pub(crate) fault: Fault,
    /// The axis of both drawings, so that they compare.
    pub(crate) scale: Duration,
}

pub(crate) struct Way {
    pub(crate) code: &'static str,
    pub(crate) watch: &'static str,
}

/// What a story came to.
pub(crate) struct Told {
    title: &'static str,
    fault: Fault,
    naive: String,
    attribute: String,
    pub(crate) objections: Vec<String>,
}

impl Story {
    pub(crate) async fn told(
        &self,
        naive: impl Future<Output = Result<Scene>>,
        attribute: impl Future<Output = Result<Scene>>,
    ) -> Result<Told> {
        println!(
            "\n{}\n{}",
            self.title,
            "─".repeat(self.title.chars().count())
        );
        for line in self.about {
            println!("{line}");
        }
        let (naive, mut objections) = self.played("naive", &self.naive, naive).await?;
        let (attribute, more) = self.played("attribute", &self.attribute, attribute).await?;
        objections.extend(more);
        let fault = self.fault.name();
        println!("\n=> {fault}: naive {naive}; attribute {attribute}");
        Ok(Told {
            title: self.title,
            fault: self.fault,
            naive,
            attribute,
            objections,
        })
    }

    async fn played(
        &self,
        way: &str,
        told: &Way,
        scene: impl Future<Output = Result<Scene>>,
    ) -> Result<(String, Vec<String>)> {
        println!("\n{way}: {}\n{}\n", told.code, told.watch);
        let scene = timeout(PATIENCE, scene).await;
        let scene = scene.map_err(|_| format!("{} ({way}) does not end", self.title))??;
        print!("{}", scene.recording.timeline(self.scale, self.fault));
        let objections = scene.objections.into_iter();
        let objections = objections.map(|objection| format!("{} ({way}): {objection}", self.title));
        Ok((scene.measured, objections.collect()))
    }
}

pub(crate) fn introduction(server: &Server) {
    let server = if server.is_private() {
        "a private one, started for this and killed afterwards"
    } else {
        "the one of REDIS_URL"
    };
    println!(
        "\
Three ways to lose a Redis lock, each really played on a server: first with the commands many of
us have written (naive), then with #[distributed_lock] (attribute). It takes about ten seconds.
Server: {server}.

How to read the drawings. A, B and C want the same lock; time runs to the right.
  A  ░ asks  █ is inside      what A itself believes; x: it is cut off there, or dies
  the key holds (· nothing)   whose value stands at the key, by a GET to the server every 2 ms
  ! shut out, nobody inside   somebody asks, nobody is inside, and still a key stands there
  ! two inside at once        two believe at the same time that they hold the one lock
  what happened               the numbers of the moments told below the drawing"
    );
}

pub(crate) fn table(stories: &[Told]) -> String {
    let mut lines = vec![format!("\n{:<28} {:<40} {}", "", "naive", "attribute")];
    for told in stories {
        lines.push(told.title.to_owned());
        let fault = told.fault.name();
        let line = format!("   {fault:<25} {:<40} {}", told.naive, told.attribute);
        lines.push(line);
    }
    lines.join("\n")
}
