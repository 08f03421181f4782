//! A program that is told to end.

use std::convert::Infallible;

use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

use crate::Result;

/// Ends when this process is told to, so that it can leave things as it found them.
///
/// # Errors
///
/// Always, with the word `interrupted`, unless signals cannot be listened to.
pub async fn interrupted() -> Result<Infallible> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    tokio::select! {
        pressed = ctrl_c() => pressed?,
        _ = terminated.recv() => {}
        _ = hung_up.recv() => {}
    }
    Err("interrupted".into())
}
