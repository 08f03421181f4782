//! The program as a newcomer runs it, and as it ends when it is not let finish.

use std::time::Duration;

use tests::Program;

const PROGRAM: &str = env!("CARGO_BIN_EXE_nightly_job");

#[tokio::test]
async fn every_tick_is_run_once() {
    let program = Program::start(&[PROGRAM, "--ticks", "5", "--kill-every", "3"]);
    let ended = program.ended().await;
    let told = ended.told;
    assert_eq!(ended.code, 0, "{told}");
    let last = told.lines().last().expect("a last line");
    let plain = "nightly_job: 5 ticks, 5 runs, 0 twice, 0 missed; with 1 kills 5 ticks, ";
    assert!(last.starts_with(plain), "{told}");
    assert!(last.contains(" 1 cut, 0 twice, "), "{told}");
    assert!(
        told.contains("3 of 3 processes ended in good order"),
        "{told}"
    );
}

#[tokio::test]
async fn killed_in_the_middle_it_leaves_no_process_behind() {
    let mut program = Program::start(&[PROGRAM]);
    program.after("processes").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    program.kill();
    // The hosts share its errors: those end when the last has gone.
    program.ended().await;
}

#[tokio::test]
async fn without_any_server_it_says_how_to_get_one() {
    let program = Program::start(&["env", "-u", "LOCK_TEST_SERVER", "PATH=", PROGRAM]);
    let ended = program.ended().await;
    assert_eq!(ended.code, 2, "{}", ended.told);
    assert!(
        ended.told.contains("apt install redis-server"),
        "{}",
        ended.told
    );
}
