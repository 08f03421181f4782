//! The simulation replays: `./tests/simulate` says what it simulates.

use std::process::Command;

fn simulate(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_simulate"))
        .args(arguments)
        .output()
        .expect("the simulation");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    text
}

fn last_line(text: &str) -> &str {
    text.lines().last().expect("a line")
}

#[test]
fn two_processes_make_the_same_histories_of_a_seed() {
    let histories = || simulate(&["--seeds", "12", "--from", "100"]);
    let (one, other) = (histories(), histories());
    assert_eq!(last_line(&one), last_line(&other));
    assert!(last_line(&one).starts_with("simulate seeds=12 violations=0 steps="));
}
