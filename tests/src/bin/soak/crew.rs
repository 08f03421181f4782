//! The worker processes: started, stopped, continued, killed, replaced.

use std::collections::HashMap;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};

use crate::arguments::{Mode, Orders};
use crate::clock::now;

/// When workers were killed. Known before they are dead.
#[derive(Debug, Default)]
pub(crate) struct Deaths(Mutex<HashMap<u64, u64>>);

impl Deaths {
    fn note(&self, serial: u64) {
        let mut deaths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        deaths.insert(serial, now());
    }

    pub(crate) fn of(&self, serial: u64) -> Option<u64> {
        let deaths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        deaths.get(&serial).copied()
    }
}

#[derive(Debug)]
struct Worker {
    serial: u64,
    process: Child,
    stopped: bool,
}

/// What all workers are told alike.
#[derive(Debug)]
pub(crate) struct Station {
    pub(crate) seed: u64,
    pub(crate) mode: Mode,
    pub(crate) socket: PathBuf,
    pub(crate) url: String,
    pub(crate) group: i32,
}

#[derive(Debug)]
pub(crate) struct Crew {
    station: Station,
    workers: Vec<Worker>,
    next: u64,
}

impl Crew {
    pub(crate) fn start(station: Station, size: usize) -> io::Result<Self> {
        let mut crew = Self {
            station,
            workers: Vec::new(),
            next: 1,
        };
        for _ in 0..size {
            crew.hire()?;
        }
        Ok(crew)
    }

    fn hire(&mut self) -> io::Result<()> {
        let orders = Orders {
            serial: self.next,
            seed: self.station.seed,
            mode: self.station.mode,
            socket: self.station.socket.clone(),
            url: self.station.url.clone(),
        };
        let process = Command::new(program()?)
            .args(orders.words())
            .stdin(Stdio::null())
            .process_group(self.station.group)
            .spawn()?;
        self.workers.push(Worker {
            serial: self.next,
            process,
            stopped: false,
        });
        self.next += 1;
        Ok(())
    }

    pub(crate) fn running(&self) -> Vec<u64> {
        let running = self.workers.iter().filter(|worker| !worker.stopped);
        running.map(|worker| worker.serial).collect()
    }

    pub(crate) fn all(&self) -> Vec<u64> {
        self.workers.iter().map(|worker| worker.serial).collect()
    }

    fn find(&mut self, serial: u64) -> Option<&mut Worker> {
        self.workers
            .iter_mut()
            .find(|worker| worker.serial == serial)
    }

    /// Whether it was running and stands still now.
    pub(crate) fn stop(&mut self, serial: u64) -> bool {
        let Some(worker) = self.find(serial).filter(|worker| !worker.stopped) else {
            return false;
        };
        worker.stopped = true;
        send(&worker.process, Signal::STOP)
    }

    /// Whether it was stopped, and has not been replaced.
    pub(crate) fn resume(&mut self, serial: u64) -> bool {
        let Some(worker) = self.find(serial).filter(|worker| worker.stopped) else {
            return false;
        };
        worker.stopped = false;
        send(&worker.process, Signal::CONT)
    }

    /// Kills it and starts another one.
    pub(crate) fn replace(&mut self, serial: u64, deaths: &Deaths) -> io::Result<()> {
        let Some(at) = self
            .workers
            .iter()
            .position(|worker| worker.serial == serial)
        else {
            return Ok(());
        };
        let mut worker = self.workers.swap_remove(at);
        deaths.note(serial);
        worker.process.kill()?;
        worker.process.wait()?;
        self.hire()
    }

    /// The workers that have not ended of themselves; they are killed.
    pub(crate) fn dismiss(&mut self, deaths: &Deaths) -> io::Result<Vec<u64>> {
        let mut left = Vec::new();
        for mut worker in self.workers.drain(..) {
            if worker.process.try_wait()?.is_none() {
                left.push(worker.serial);
                deaths.note(worker.serial);
                worker.process.kill()?;
                worker.process.wait()?;
            }
        }
        Ok(left)
    }

    pub(crate) fn have_ended(&mut self) -> bool {
        let mut workers = self.workers.iter_mut();
        workers.all(|worker| !matches!(worker.process.try_wait(), Ok(None)))
    }
}

/// This program, also where a build has put another in its place meanwhile.
fn program() -> io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() {
        return Ok(running);
    }
    std::env::current_exe()
}

/// A child that has not been waited for cannot be mistaken for another process.
fn send(process: &Child, signal: Signal) -> bool {
    kill_process(Pid::from_child(process), signal).is_ok()
}
