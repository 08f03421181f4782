//! The program as a newcomer runs it, and as it ends when it is not let finish.

use tests::{Program, killed_after, without_any_server};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fenced_account");

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

#[tokio::test]
async fn late_writes_are_refused_and_the_sum_is_right() {
    let ended = Program::start(&[PROGRAM]).ended().await;
    let told = ended.told;
    assert_eq!(ended.code, 0, "{told}");
    let last = told.lines().last().expect("a last line");
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

#[tokio::test]
async fn killed_in_the_middle_it_leaves_no_teller_behind() {
    // Its database stays.
    let folder = concat!("TMPDIR=", env!("CARGO_TARGET_TMPDIR"));
    let program = Program::start(&["env", folder, PROGRAM]);
    killed_after("is stopped", program).await;
}

#[tokio::test]
async fn without_any_server_it_says_how_to_get_one() {
    without_any_server(PROGRAM).await;
}
