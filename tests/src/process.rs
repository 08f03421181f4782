//! Processes that end with the tests, however these end.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A shell that starts, signals and kills the program as it is told, and answers each order with
/// the program's id, or with how it ended. It hears nothing of a second start, so that the output of
/// the first ends with the program. It sees its standard input close, which the end of this process does however
/// it comes, kills the program, which it has not waited for, so that the id is still that program's,
/// and removes its folder.
const WATCHDOG: &str = r#"
program=
await() { [ -z "$program" ] || { wait "$program"; code=$?; } 2>/dev/null; program=; }
end() { [ -z "$program" ] || kill -9 "$program" 2>/dev/null; await; }
while read -r order; do
  case $order in
    start) end; "$@" </dev/null 2>&1 & program=$!; exec >/dev/null ;;
    kill) end ;;
    id) ;;
    wait) await; echo "$code" >&2; continue ;;
    *) [ -z "$program" ] || kill -"$order" "$program" ;;
  esac
  echo "$program" >&2
done
end
[ -z "$FOLDER" ] || rm -rf "$FOLDER"
"#;

/// A program under a watchdog: it is killed with this value, and with the process of the tests.
#[derive(Debug)]
pub struct Process {
    watchdog: Child,
    line: Mutex<Option<Line>>,
}

#[derive(Debug)]
struct Line {
    orders: ChildStdin,
    answers: BufReader<ChildStderr>,
}

impl Process {
    /// Prepares a program; [`Process::start`] starts it. Its errors go where its output goes: to
    /// nobody, or with `heard` to [`Process::output`]. `folder` is removed with this value.
    ///
    /// # Panics
    ///
    /// If there is no shell.
    #[must_use]
    pub fn new<S: AsRef<OsStr>>(words: &[S], heard: bool, folder: Option<&Path>) -> Self {
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "sh"])
            .args(words)
            .env("FOLDER", folder.unwrap_or(Path::new("")))
            .stdin(Stdio::piped())
            .stdout(if heard { Stdio::piped() } else { Stdio::null() })
            .stderr(Stdio::piped())
            // What a terminal sends to this process does not reach the shell, which has to
            // outlive it.
            .process_group(0)
            .spawn()
            .expect("a shell to start the program with");
        let line = watchdog.stdin.take().zip(watchdog.stderr.take());
        let line = line.map(|(orders, answers)| Line {
            orders,
            answers: BufReader::new(answers),
        });
        Self {
            watchdog,
            line: Mutex::new(line),
        }
    }

    /// What the program writes, once, up to its end; what it writes after a second start nobody hears.
    pub fn output(&mut self) -> Option<BufReader<ChildStdout>> {
        self.watchdog.stdout.take().map(BufReader::new)
    }

    /// Starts the program; kills it first if it runs.
    pub fn start(&self) {
        self.order("start");
    }

    /// The program's id, while it runs or is not waited for.
    pub fn id(&self) -> Option<u32> {
        self.order("id").trim().parse().ok()
    }

    /// SIGKILL, waited for.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.order("TERM");
    }

    /// Whether the program has ended, or there is no telling.
    pub fn has_ended(&self) -> bool {
        let Some(id) = self.id() else { return true };
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        state(&stat).is_none_or(|state| matches!(state, 'Z' | 'X'))
    }

    /// How the program ended, as a shell tells it: its code, or 128 and the signal. Comes back when it
    /// has, without a limit: the shell hears nothing meanwhile, not even the end of the tests. `None` if it was
    /// never started.
    pub fn wait(&self) -> Option<i32> {
        self.order("wait").trim().parse().ok()
    }

    /// SIGSTOP: the program stands still, the system goes on taking what is sent to it.
    ///
    /// # Panics
    ///
    /// If it does not come to stand still.
    pub fn stop(&self) {
        let program = self.order("STOP");
        // The thread that takes the signal stops the others, once it has its turn.
        let patience = Instant::now() + Duration::from_secs(20);
        while !stands_still(program.trim()) {
            assert!(Instant::now() < patience, "{program} goes on");
            sleep(Duration::from_micros(200));
        }
    }

    /// SIGCONT.
    pub fn go_on(&self) {
        self.order("CONT");
    }

    /// Comes back when the shell has done it, with the program's id.
    fn order(&self, order: &str) -> String {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let line = line.as_mut().expect("taken by Drop alone");
        writeln!(line.orders, "{order}").expect("the shell lives as long as this value");
        let mut answer = String::new();
        let read = line.answers.read_line(&mut answer);
        assert!(matches!(read, Ok(1..)), "the shell ended: {read:?}");
        answer
    }
}

/// Whether all threads of a program are stopped, or there is no telling.
fn stands_still(program: &str) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{program}/task")) else {
        return true;
    };
    threads.flatten().all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        state(&stat).is_none_or(|state| matches!(state, 'T' | 't' | 'Z' | 'X'))
    })
}

/// The state of a process or a thread, by its file `stat`.
fn state(stat: &str) -> Option<char> {
    // Behind the name, which may be anything.
    stat.rsplit_once(") ")?.1.chars().next()
}

impl Drop for Process {
    fn drop(&mut self) {
        let line = self.line.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(line.take());
        // The shell ends when it has killed the program.
        let _ = self.watchdog.wait();
    }
}
