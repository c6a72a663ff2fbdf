//! Writes down who drives, beside everything else: a disk that is slow or full holds nothing up.

use crate::store::{DriveEntry, Store};
use anyhow::Context;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Entries that wait for a slow disk; the rest is dropped. A hundred robots whose drivers all
/// change at once.
pub(crate) const QUEUE: usize = 256;

/// A robot's name and what is to be written.
pub(crate) type NamedEntry = (String, DriveEntry);

/// Writes what is queued until `shutdown`, and then what is left.
pub(crate) async fn write(
    store: Arc<Store>,
    mut queue: mpsc::Receiver<NamedEntry>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut failing = false;
    loop {
        let mut entries = Vec::new();
        tokio::select! {
            _ = queue.recv_many(&mut entries, QUEUE) => {}
            () = shutdown.cancelled() => queue.close(),
        }
        while let Ok(entry) = queue.try_recv() {
            entries.push(entry);
        }
        if !entries.is_empty() {
            let store = store.clone();
            let written = tokio::task::spawn_blocking(move || store.add_drive_entries(&entries));
            match written.await.context("writing the drive log crashed")? {
                Err(error) if !failing => {
                    warn!(%error, "cannot write down who drives; trying again with each change");
                    failing = true;
                }
                Ok(()) if failing => {
                    info!("who drives is written down again");
                    failing = false;
                }
                _ => {}
            }
        }
        if queue.is_closed() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{DriveEvent, Sender};
    use wire::telemetry::Via;

    fn entry(at_ms: u64) -> NamedEntry {
        let driver = Sender {
            id: "a".to_owned(),
            user: None,
            via: Via::Mqtt,
        };
        let event = DriveEvent::Began { driver };
        ("rover".to_owned(), DriveEntry { at_ms, event })
    }

    #[tokio::test]
    async fn what_is_queued_when_the_station_stops_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&dir.path().join("station.db")).unwrap());
        let (sender, queue) = mpsc::channel(QUEUE);
        let shutdown = CancellationToken::new();
        for at_ms in 1..=3 {
            sender.try_send(entry(at_ms)).unwrap();
        }
        shutdown.cancel();
        write(store.clone(), queue, shutdown).await.unwrap();
        assert_eq!(store.drive_entries("rover", 0, 9).unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_store_that_takes_nothing_ends_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("station.db");
        let store = Arc::new(Store::open(&path).unwrap());
        let breaks = |statement: &str| {
            let database = rusqlite::Connection::open(&path).unwrap();
            database.execute_batch(statement).unwrap();
        };
        breaks("ALTER TABLE drives RENAME TO gone");
        let (sender, queue) = mpsc::channel(QUEUE);
        let shutdown = CancellationToken::new();
        let mut writing = tokio::task::JoinSet::new();
        writing.spawn(write(store.clone(), queue, shutdown.clone()));
        sender.send(entry(1)).await.unwrap();
        while sender.capacity() < QUEUE {
            tokio::task::yield_now().await;
        }
        breaks("ALTER TABLE gone RENAME TO drives");
        sender.send(entry(2)).await.unwrap();
        shutdown.cancel();
        writing.join_next().await.unwrap().unwrap().unwrap();
        let kept = store.drive_entries("rover", 0, 9).unwrap();
        assert_eq!(kept.first().map(|entry| entry.at_ms), Some(2));
    }
}
