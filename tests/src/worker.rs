//! Worker processes: a test binary that starts itself again.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::program::Program;

/// The variable that tells a test of a worker's name to be that worker.
const ROLE: &str = "TESTS_WORKER";

/// A process that runs one function of this test binary, and tells what it sees line by line.
#[derive(Debug)]
pub struct Worker(Program);

impl Worker {
    /// Starts this program again for the one test `name`, which calls [`Worker::orders`].
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start(name: &str, orders: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut words = vec!["env".to_owned(), format!("{ROLE}={orders}")];
        words.push(program.to_string_lossy().into_owned());
        words.extend(["--exact", name, "--nocapture", "--test-threads=1"].map(str::to_owned));
        Self(Program::start(&words))
    }

    /// In the worker: what it is told to do. `None` in an ordinary run of the tests.
    #[must_use]
    pub fn orders() -> Option<String> {
        std::env::var(ROLE).ok()
    }

    /// In the worker: tells the test that started it.
    pub fn tell(line: &str) {
        println!("worker: {line}");
    }

    /// The next line that the worker tells.
    ///
    /// # Panics
    ///
    /// If none comes.
    pub async fn told(&mut self) -> String {
        // What the test harness prints before it stands in the same line.
        self.0.after("worker: ").await
    }

    /// SIGSTOP.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        self.0.go_on();
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.0.kill();
    }
}

/// The monotonic clock as a number that means the same in all processes of this machine.
///
/// # Panics
///
/// If the clock runs before its own zero.
#[must_use]
pub fn clock() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(
        seconds.expect("not negative"),
        nanos.expect("below a billion"),
    )
}
