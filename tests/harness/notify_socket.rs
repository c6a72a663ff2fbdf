//! systemd's end of `sd_notify`.

use crate::in_time;
use std::path::{Path, PathBuf};
use tokio::net::UnixDatagram;
use tokio::process::Command;

/// What a daemon of `Type=notify` reports to.
pub struct NotifySocket {
    socket: UnixDatagram,
    path: PathBuf,
    messages: Vec<String>,
}

impl NotifySocket {
    /// One in `folder`.
    ///
    /// # Panics
    /// When there is one already.
    pub fn new(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).expect("the folder is the test's own");
        Self {
            socket,
            path,
            messages: Vec::new(),
        }
    }

    /// Has `command` report here, and be watched by a watchdog of so many microseconds.
    pub fn watch(&self, command: &mut Command, watchdog_us: u64) {
        command
            .env("NOTIFY_SOCKET", &self.path)
            .env("WATCHDOG_USEC", watchdog_us.to_string());
    }

    /// Waits until so many messages have `wanted` in them, and gives all that came so far.
    pub async fn wait_for(&mut self, wanted: &str, times: usize) -> &[String] {
        in_time(async {
            while self.count(wanted) < times {
                let mut buffer = [0; 2048];
                let length = self.socket.recv(&mut buffer).await.expect("it is bound");
                let message = String::from_utf8_lossy(&buffer[..length]);
                self.messages.push(message.into_owned());
            }
        })
        .await;
        &self.messages
    }

    fn count(&self, wanted: &str) -> usize {
        let messages = self.messages.iter();
        messages.filter(|message| message.contains(wanted)).count()
    }
}
