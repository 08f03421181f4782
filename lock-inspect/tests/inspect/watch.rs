//! `watch`: painted on a terminal, one table after the other elsewhere.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tests::Server;

use crate::list::without_painting;
use crate::terminal::Terminal;
use crate::tool::{Said, command};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn two_looks_tell_who_renews() {
    let world = World::new().await;
    // Extended each 200 ms: the age alone says nothing yet within a second of slack.
    let ttl = Duration::from_millis(600);
    let lock = world.client.lock("renewed").ttl(ttl).renew();
    let _held = lock.acquire().await.expect("free");
    let said = world.run(&["watch", "--every", "0.15", "--times", "12", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    let looks: Vec<serde_json::Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert_eq!(looks.len(), 12);
    let told = looks
        .iter()
        .any(|look| look["locks"][0]["renewing"] == "yes");
    assert!(told, "{said:?}");
}

#[tokio::test]
async fn without_a_terminal_there_are_plain_tables() {
    let world = World::new().await;
    world.does("SETNX", b"planted", &[b"1"]).await;
    let said = world.run(&["watch", "--every", "0.05", "--times", "3"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert!(!said.out.contains('\u{1b}'), "{said:?}");
    assert_eq!(said.out.matches("1 locks, 1 leaks").count(), 3, "{said:?}");
    assert_eq!(said.out.matches("planted").count(), 3, "{said:?}");
}

#[tokio::test]
async fn a_terminal_is_left_as_it_was() {
    let world = World::new().await;
    for at in 0..30 {
        let key = format!("order:{at:02}");
        world.does("SETNX", key.as_bytes(), &[b"1"]).await;
    }
    let arguments = world.here(&["watch", "--every", "0.1"]);
    for signal in [Signal::QUIT, Signal::TERM, Signal::HUP] {
        let terminal = Terminal::start(command(&arguments), 100, 10);
        terminal.wait_for("order:00");
        terminal.signal(signal);
        let (code, told) = terminal.end();
        assert_eq!(code, 0, "{signal:?}: {told}");
        assert!(told.ends_with("\u{1b}[?25h\u{1b}[?1049l"), "{told:?}");
    }
    let terminal = Terminal::start(command(&arguments), 100, 10);
    terminal.wait_for("order:00");
    terminal.wait_for("more than there is room for");
    terminal.interrupt();
    let (code, told) = terminal.end();
    assert_eq!(code, 0, "{told}");
    assert!(told.starts_with("\u{1b}[?1049h\u{1b}[?25l"), "{told:?}");
    assert!(told.ends_with("\u{1b}[?25h\u{1b}[?1049l"), "{told:?}");
    // A picture has ten lines, of which none scrolls the others away.
    for picture in told.split("\u{1b}[H").skip(1) {
        assert!(
            without_painting(picture).lines().count() <= 10,
            "{picture:?}"
        );
    }
}

/// Without a picture there is nothing to put back.
#[tokio::test]
async fn in_a_pipe_two_signals_end_it_well() {
    let world = World::new().await;
    for (signal, code) in [
        (Signal::INT, Some(0)),
        (Signal::TERM, Some(0)),
        (Signal::HUP, None),
        (Signal::QUIT, None),
    ] {
        for arguments in [&["watch"][..], &["watch", "--json"]] {
            let mut watching = command(&world.here(arguments));
            let mut watching = watching.stdout(Stdio::piped()).spawn().expect("it starts");
            let out = watching.stdout.take().expect("piped");
            let mut out = BufReader::new(out);
            out.read_line(&mut String::new()).expect("a look");
            kill_process(process(&watching), signal).expect("it runs");
            let status = watching.wait().expect("it ends");
            assert_eq!(status.code(), code, "{status}");
            if code.is_none() {
                assert_eq!(status.signal(), Some(signal.as_raw()));
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_goes_away_is_asked_again() {
    let server = Server::start(&[]);
    let url = server.url();
    let arguments = ["--url", &url, "--timeout", "1", "watch", "--every", "0.1"];
    let terminal = Terminal::start(command(&arguments), 60, 20);
    terminal.wait_for("no locks under");
    server.kill();
    terminal.wait_for("Trying again.");
    server.restart();
    let before = terminal.told().matches("no locks under").count();
    crate::show::wait_until(|| terminal.told().matches("no locks under").count() > before + 1);
    terminal.interrupt();
    assert_eq!(terminal.end().0, 0);
}

/// Watches a server of its own for so many looks, which is killed after the first; `then` has the rest of
/// what it says, and its process.
fn watched(server: &Server, more: &[&str], then: impl FnOnce(&mut dyn BufRead, Pid)) -> Said {
    let url = server.url();
    let watch = ["--url", &url, "watch", "--every", "0.1"];
    let mut watching = command(&[&watch, more].concat());
    let watching = watching.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut watching = watching.spawn().expect("it starts");
    let id = process(&watching);
    let mut out = BufReader::new(watching.stdout.take().expect("piped"));
    out.read_line(&mut String::new()).expect("a look");
    meanwhile(id, || server.kill());
    then(&mut out, id);
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    let mut said = Said::of(&watching.wait_with_output().expect("it ends"));
    said.out = rest;
    said
}

fn process(program: &Child) -> Pid {
    let id = i32::try_from(program.id()).expect("an id");
    Pid::from_raw(id).expect("an id")
}

/// Its looks are counted: none is spent on what takes as long as the machine likes.
fn meanwhile(id: Pid, change: impl FnOnce()) {
    kill_process(id, Signal::STOP).expect("it runs");
    change();
    kill_process(id, Signal::CONT).expect("it is there");
}

/// Whoever watches for some looks in a script learns from the exit code what the last of them met.
#[test]
fn the_last_look_decides_how_it_ends() {
    for more in [&["--times", "25"][..], &["--times", "25", "--json"]] {
        let server = Server::start(&[]);
        let said = watched(&server, more, |_, _| ());
        assert_eq!(said.code, 3, "{said:?}");
        let last = said.err.lines().last().expect("a reason");
        assert!(last.starts_with("lock-inspect: cannot reach"), "{said:?}");
        assert!(!said.err.contains("Trying again"), "{said:?}");
    }
}

#[test]
fn a_look_that_failed_before_is_forgiven() {
    let server = Server::start(&[]);
    let said = watched(&server, &["--times", "50"], |out, id| {
        let mut lines = out.lines().map_while(Result::ok);
        let failed = lines.find(|line| line.ends_with("Trying again."));
        failed.expect("a look that failed");
        meanwhile(id, || server.restart());
    });
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    assert!(said.out.contains("no locks under"), "{said:?}");
}
