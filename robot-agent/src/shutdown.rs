//! How the process is asked to stop: by systemd, by Ctrl-C, or by a terminal that closes.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Done at the first of those signals. They are caught from the call on.
///
/// # Errors
/// When the system does not let signals be caught.
pub fn asked() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            _ = hangup.recv() => "SIGHUP",
        };
        tracing::info!("asked to stop by {name}");
    })
}
