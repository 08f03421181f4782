//! `serve`: the page over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tests::Server;

use crate::show::wait_until;
use crate::tool::{command, run};
use crate::world::World;

/// The page's program; killed with this value.
pub(crate) struct Page {
    program: Child,
    address: String,
    banner: String,
}

impl Page {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut program = command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = program.stdout.take().expect("piped");
        let mut banner = String::new();
        BufReader::new(out).read_line(&mut banner).expect("a line");
        let address = banner
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'));
        let address = address.expect("an address").0.to_owned();
        Self {
            program,
            address,
            banner,
        }
    }

    /// Head and body of the answer.
    fn asks(&self, method: &str, path: &str, host: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (top, body) = answer.split_once("\r\n\r\n").expect("a top");
        (top.to_owned(), body.to_owned())
    }

    pub(crate) fn gets(&self, path: &str) -> (String, String) {
        self.asks("GET", path, &self.address)
    }

    /// By SIGTERM, and exits with 0.
    fn is_ended(&mut self) {
        let id = i32::try_from(self.program.id()).expect("an id");
        kill_process(Pid::from_raw(id).expect("an id"), Signal::TERM).expect("it runs");
        let status = self.program.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }

    pub(crate) fn locks(&self) -> serde_json::Value {
        serde_json::from_str(&self.gets("/locks.json").1).expect("JSON")
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_locks_and_keeps_fresh() {
    let world = World::new().await;
    let ttl = Duration::from_mins(1);
    let lock = world.client.lock("order:<b>").ttl(ttl);
    let held = lock.name("place_order").acquire().await.expect("free");
    let page = Page::start(&world.here(&["serve", "--listen", "127.0.0.1:0", "--every", "0.05"]));
    assert!(
        page.banner.contains("shows redis://127.0.0.1:"),
        "{}",
        page.banner
    );

    for (path, kind) in [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/locks.json", "application/json"),
    ] {
        let (top, body) = page.gets(path);
        let top = top.to_lowercase();
        assert!(
            top.starts_with("http/1.1 200") && top.contains(kind),
            "{top}"
        );
        assert!(
            top.contains("content-security-policy: default-src 'none'"),
            "{top}"
        );
        assert!(top.contains("no-store") && top.contains("nosniff"), "{top}");
        // Nothing comes from elsewhere.
        assert!(
            !body.contains("http://") && !body.contains("https://"),
            "{path}: {body}"
        );
        // Who sees the page cannot release what it shows.
        assert!(!body.contains(held.token().as_str()), "{body}");
    }
    let told = page.locks();
    assert_eq!(told["locks"][0]["key"], "order:<b>");
    assert_eq!(told["locks"][0]["held_by"]["function"], "place_order");
    assert_eq!(told["prefix"], world.prefix.as_str());

    world.does("SETNX", b"planted", &[b"1"]).await;
    held.release().await.expect("ours");
    wait_until(|| {
        let told = page.locks();
        told["locks"][0]["key"] == "planted" && told["locks"][1].is_null()
    });
    assert!(page.locks()["locks"][0]["leak"].is_string());
}

#[tokio::test]
async fn the_page_is_to_be_read_only_and_from_here_alone() {
    let world = World::new().await;
    let page = Page::start(&world.here(&["serve", "--listen", "127.0.0.1:0"]));
    for method in ["POST", "PUT", "DELETE"] {
        let (top, _) = page.asks(method, "/locks.json", &page.address);
        assert!(top.starts_with("HTTP/1.1 405"), "{top}");
    }
    let (top, _) = page.gets("/../etc/passwd");
    assert!(top.starts_with("HTTP/1.1 404"), "{top}");
    // A name that somebody else pointed here.
    let (top, body) = page.asks("GET", "/locks.json", "evil.example");
    assert!(top.starts_with("HTTP/1.1 421"), "{top}");
    assert!(!body.contains("locks\":"), "{body}");
    let (top, _) = page.asks("GET", "/", "localhost:1");
    assert!(top.starts_with("HTTP/1.1 200"), "{top}");

    // The address is taken.
    let said = run(&world.here(&["serve", "--listen", &page.address]));
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("--listen"), "{said:?}");
}

#[tokio::test]
async fn whoever_listens_elsewhere_is_told_what_that_means() {
    let world = World::new().await;
    let mut page = Page::start(&world.here(&["serve", "--listen", "0.0.0.0:0"]));
    let port = page.address.rsplit_once(':').expect("a port").1.to_owned();
    page.address = format!("127.0.0.1:{port}");
    let (top, _) = page.asks("GET", "/", "intranet.example");
    assert!(top.starts_with("HTTP/1.1 200"), "{top}");
    page.is_ended();
    let mut err = String::new();
    let told = page
        .program
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut err);
    told.expect("text");
    assert!(err.contains("everybody who reaches"), "{err}");
}

#[tokio::test]
async fn from_its_first_word_on_it_ends_as_it_is_told() {
    let world = World::new().await;
    for _ in 0..20 {
        Page::start(&world.here(&["serve", "--listen", "127.0.0.1:0"])).is_ended();
    }
}

#[tokio::test]
async fn a_server_that_goes_away_is_told_on_the_page() {
    let server = Server::start(&["--requirepass", "hunter2"]);
    let url = server.url();
    let arguments = ["--url", &url, "--timeout", "1", "serve", "--every", "0.05"];
    let page = Page::start(&[&arguments[..], &["--listen", "127.0.0.1:0"]].concat());
    assert!(page.gets("/locks.json").0.starts_with("HTTP/1.1 200"));
    server.kill();
    wait_until(|| page.gets("/locks.json").0.starts_with("HTTP/1.1 503"));
    let (_, body) = page.gets("/locks.json");
    assert!(!body.contains("hunter2"), "{body}");
    let told: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert!(
        told["error"]
            .as_str()
            .is_some_and(|words| words.contains("check host")),
        "{told}"
    );
    server.restart();
    wait_until(|| page.gets("/locks.json").0.starts_with("HTTP/1.1 200"));
}
