//! What every example does that needs a server.

use crate::program::{Ended, Program};

/// Without a server, and without a program to start one, it says how to get one, and ends with a code of its own.
///
/// # Panics
///
/// If it does not.
pub async fn without_any_server(program: &str) {
    let bare = ["env", "-u", "LOCK_TEST_SERVER", "-u", "REDIS_URL", "PATH="];
    let started = Program::start(&[&bare[..], &[program]].concat());
    let Ended { code, told } = started.ended().await;
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("apt install redis-server"), "{told}");
}

/// Killed when it has said `words`, in the middle, it leaves no process of its own behind: those share its errors,
/// stopped ones included, which end when the last has gone.
///
/// # Panics
///
/// If it does, or comes to its end first.
pub async fn killed_after(words: &str, mut program: Program) {
    program.after(words).await;
    program.kill();
    let Ended { code, told } = program.ended().await;
    assert_eq!(code, 128 + 9, "it had ended before: {told}");
}
