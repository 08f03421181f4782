//! A real terminal of a chosen size, with the program on it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

pub(crate) struct Terminal {
    program: Child,
    keyboard: File,
    told: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// The program with all three of its streams on a terminal of so many columns and lines.
    pub(crate) fn start(mut command: Command, columns: u16, lines: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&ours).expect("a terminal of our own");
        unlockpt(&ours).expect("a terminal of our own");
        let size = Winsize {
            ws_row: lines,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&ours, size).expect("a terminal has a size");
        let name = ptsname(&ours, Vec::new()).expect("a terminal has a name");
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes())).to_owned();
        let theirs = || {
            let opened = OpenOptions::new().read(true).write(true).open(&path);
            Stdio::from(opened.expect("the terminal opens"))
        };
        command.stdin(theirs()).stdout(theirs()).stderr(theirs());
        let program = command.env("TERM", "xterm").spawn().expect("it starts");
        // The other ends that this process still has would keep the terminal open.
        drop(command);
        let keyboard = File::from(ours);
        let mut screen = keyboard.try_clone().expect("a second handle");
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let reader = spawn(move || {
            let mut some = [0; 4096];
            // At its end a terminal gives an error.
            while let Ok(count @ 1..) = screen.read(&mut some) {
                heard.lock().expect("not poisoned").extend(&some[..count]);
            }
        });
        Self {
            program,
            keyboard,
            told,
            reader,
        }
    }

    /// Everything so far.
    pub(crate) fn told(&self) -> String {
        String::from_utf8_lossy(&self.told.lock().expect("not poisoned")).into_owned()
    }

    pub(crate) fn wait_for(&self, words: &str) {
        let patience = Instant::now() + Duration::from_secs(20);
        while !self.told().contains(words) {
            assert!(
                Instant::now() < patience,
                "no {words:?} in {:?}",
                self.told()
            );
            sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn types(&mut self, words: &str) {
        self.keyboard.write_all(words.as_bytes()).expect("it reads");
    }

    /// SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.program.id()).expect("an id");
        let id = Pid::from_raw(id).expect("an id");
        kill_process(id, signal).expect("it runs");
    }

    /// Its exit code and everything it said.
    pub(crate) fn end(mut self) -> (i32, String) {
        let status = self.program.wait().expect("it ends");
        self.reader.join().expect("the reader ends");
        let told = self.told.lock().expect("not poisoned").clone();
        let told = String::from_utf8(told).expect("it speaks UTF-8");
        (status.code().expect("it ends by itself"), told)
    }
}
