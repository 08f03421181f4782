//! The program as a newcomer runs it, and as it ends when it is not let finish.

use tests::{Program, killed_after, without_any_server};

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
    let program = Program::start(&[PROGRAM, "--ticks", "1"]);
    // All hosts are there, and half of it is over.
    killed_after("left alone", program).await;
}

#[tokio::test]
async fn without_any_server_it_says_how_to_get_one() {
    without_any_server(PROGRAM).await;
}
