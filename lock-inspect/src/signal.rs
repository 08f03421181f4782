//! Being told to end.

#[cfg(unix)]
use std::future::poll_fn;
use std::io;
#[cfg(unix)]
use std::task::Poll;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens from when it is made. A signal that nobody listens to ends the program where it is.
#[cfg(unix)]
pub(crate) struct End(Vec<Signal>);

#[cfg(unix)]
impl End {
    /// Ctrl-C and SIGTERM. SIGHUP is left as it was found: `nohup` has it ignored.
    pub(crate) fn of_program() -> io::Result<Self> {
        Self::by(&[SignalKind::interrupt(), SignalKind::terminate()])
    }

    /// Whatever usually ends a program on a terminal, which has to be left as it was.
    pub(crate) fn of_picture() -> io::Result<Self> {
        Self::by(&[
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
            SignalKind::quit(),
        ])
    }

    fn by(kinds: &[SignalKind]) -> io::Result<Self> {
        let signals = kinds.iter().map(|kind| signal(*kind));
        signals.collect::<io::Result<_>>().map(Self)
    }

    /// Comes back at one of them.
    pub(crate) async fn told(&mut self) {
        poll_fn(|context| {
            let told = |signal: &mut Signal| signal.poll_recv(context).is_ready();
            if self.0.iter_mut().any(told) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// Listens to Ctrl-C.
#[cfg(not(unix))]
pub(crate) struct End;

#[cfg(not(unix))]
impl End {
    pub(crate) fn of_program() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn of_picture() -> io::Result<Self> {
        Ok(Self)
    }

    /// Comes back at it; never where it cannot be listened to.
    pub(crate) async fn told(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
