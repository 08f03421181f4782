//! The program as a newcomer runs it, and as it ends when it is not let finish.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_fenced_account");

fn text(output: &Output) -> String {
    let both = [output.stdout.clone(), output.stderr.clone()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// The number right before `word`.
fn before(line: &str, word: &str) -> u64 {
    let number = line
        .split(word)
        .next()
        .and_then(|start| start.split_whitespace().last());
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("`{word}`: {line}"))
}

#[test]
fn late_writes_are_refused_and_the_sum_is_right() {
    let output = Command::new(PROGRAM).output().expect("starts");
    let told = text(&output);
    assert!(output.status.success(), "{told}");
    let last = String::from_utf8_lossy(&output.stdout);
    let last = last.lines().last().expect("a last line");
    assert!(last.starts_with("fenced_account: "), "{told}");
    let (tried, refused) = (before(last, " late writes tried"), before(last, " refused"));
    assert!(tried > 0 && refused == tried, "{told}");
    let deposits = before(last, " deposits acknowledged");
    assert!(deposits > 1, "{told}");
    let expected = 100 + 10 * deposits;
    let sum = format!("balance {expected} = expected {expected}");
    assert!(last.ends_with(&sum), "{told}");
    assert!(told.contains("the database refuses it"), "{told}");
}

#[test]
fn killed_in_the_middle_it_leaves_no_teller_behind() {
    // The tellers share its standard error, stopped ones included: it ends when the last has gone.
    let mut program = Command::new(PROGRAM)
        // Its database stays.
        .env("TMPDIR", env!("CARGO_TARGET_TMPDIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut told = BufReader::new(program.stdout.take().expect("its output"));
    let mut errors = program.stderr.take().expect("its errors");
    let mut line = String::new();
    while !line.contains("is stopped") {
        line.clear();
        assert!(
            told.read_line(&mut line).expect("text") > 0,
            "no teller was stopped"
        );
    }
    program.kill().expect("is running");
    program.wait().expect("has ended");
    let (sender, gone) = mpsc::channel();
    thread::spawn(move || {
        errors.read_to_string(&mut String::new()).expect("text");
        sender.send(())
    });
    gone.recv_timeout(Duration::from_secs(20))
        .expect("every teller ends");
}

#[test]
fn without_any_server_it_says_how_to_get_one() {
    let output = Command::new(PROGRAM)
        .env_remove("LOCK_TEST_SERVER")
        .env("PATH", "")
        .output()
        .expect("starts");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("apt install redis-server"));
}
