//! A worker's line to the parent, who keeps the counters and the ledger.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{oneshot, watch};

use crate::protocol::{Reply, Told};

pub(crate) struct Link {
    out: Mutex<UnixStream>,
    /// A call waits for one reply at a time.
    waiting: Mutex<HashMap<u64, oneshot::Sender<Option<u64>>>>,
    finish: watch::Sender<bool>,
}

/// The counter refused: a newer fence was there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stale;

impl Link {
    pub(crate) fn connect(socket: &Path, serial: u64) -> std::io::Result<Arc<Self>> {
        let out = UnixStream::connect(socket)?;
        let replies = BufReader::new(out.try_clone()?);
        let link = Arc::new(Self {
            out: Mutex::new(out),
            waiting: Mutex::default(),
            finish: watch::Sender::new(false),
        });
        link.tell(Told::Hello { serial });
        let reader = link.clone();
        std::thread::spawn(move || {
            for line in replies.lines().map_while(Result::ok) {
                reader.answered(Reply::parse(&line));
            }
            // Without a parent there is nobody to work for.
            process::exit(0);
        });
        Ok(link)
    }

    /// Written before it returns: what is told is not lost with this process, and stands in the
    /// ledger before whatever this process does next can have an effect.
    pub(crate) fn tell(&self, told: Told) {
        let line = format!("{told}\n");
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.write_all(line.as_bytes()).is_err() {
            process::exit(0);
        }
    }

    fn answered(&self, reply: Option<Reply>) {
        let (call, value) = match reply {
            Some(Reply::Value { call, value }) => (call, Some(value)),
            Some(Reply::Stale { call }) => (call, None),
            Some(Reply::Finish) => {
                self.finish.send_replace(true);
                return;
            }
            None => return,
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reply) = waiting.remove(&call) {
            // Its body may have been dropped meanwhile.
            let _ = reply.send(value);
        }
    }

    /// Sends a request of `call` at once and waits for the reply.
    ///
    /// Cancellation safety: what was sent takes effect all the same.
    pub(crate) async fn request(&self, call: u64, request: Told) -> Result<u64, Stale> {
        let (reply, answer) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.insert(call, reply);
        }
        self.tell(request);
        answer.await.ok().flatten().ok_or(Stale)
    }

    pub(crate) fn finishing(&self) -> watch::Receiver<bool> {
        self.finish.subscribe()
    }
}
