//! A clock for sections: tokio's timers end on full milliseconds, within which a round trip is lost.

use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Somebody to be woken, and when.
type Alarm = (Instant, oneshot::Sender<()>);

/// Waits so long. One at a time, as those who hold one lock do: a second alarm rings behind the first.
pub(crate) async fn after(length: Duration) {
    static THREAD: OnceLock<Sender<Alarm>> = OnceLock::new();
    let at = Instant::now() + length;
    let (alarm, rung) = oneshot::channel();
    let thread = THREAD.get_or_init(|| {
        let (sender, alarms) = channel();
        thread::spawn(move || ring_all(&alarms));
        sender
    });
    thread.send((at, alarm)).expect("the thread lives as long");
    rung.await.expect("the thread rings");
}

fn ring_all(alarms: &Receiver<Alarm>) {
    for (at, alarm) in alarms {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        // Who has gone need not be woken.
        let _ = alarm.send(());
    }
}
