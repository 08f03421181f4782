//! The program as a newcomer runs it, and as it ends when it is not let finish.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_nightly_job");

fn text(output: &Output) -> String {
    let both = [output.stdout.clone(), output.stderr.clone()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[test]
fn every_tick_is_run_once() {
    let output = Command::new(PROGRAM)
        .args(["--ticks", "5", "--kill-every", "3"])
        .output()
        .expect("starts");
    let told = text(&output);
    assert!(output.status.success(), "{told}");
    let last = told.lines().last().expect("a last line");
    let plain = "nightly_job: 5 ticks, 5 runs, 0 twice, 0 missed; with 1 kills 5 ticks, ";
    assert!(last.starts_with(plain), "{told}");
    assert!(last.contains(" 1 cut, 0 twice, "), "{told}");
    assert!(
        told.contains("3 of 3 processes ended in good order"),
        "{told}"
    );
}

#[test]
fn killed_in_the_middle_it_leaves_no_process_behind() {
    // The hosts share its standard error: it ends when the last has gone.
    let mut program = Command::new(PROGRAM)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut told = BufReader::new(program.stdout.take().expect("its output"));
    let mut errors = program.stderr.take().expect("its errors");
    let mut line = String::new();
    told.read_line(&mut line).expect("text");
    thread::sleep(Duration::from_millis(500));
    program.kill().expect("is running");
    program.wait().expect("has ended");
    let (sender, gone) = mpsc::channel();
    thread::spawn(move || {
        errors.read_to_string(&mut String::new()).expect("text");
        sender.send(())
    });
    gone.recv_timeout(Duration::from_secs(20))
        .expect("every host ends");
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
