//! One robot-agent per identity on one computer: a lock on the certificate's file.
//!
//! Two processes with one name would throw each other out of the broker for ever, and two
//! on one board would fight over it. The kernel lets go of the lock with the process,
//! however that ends. `check` asks for it to learn whether a robot is at work.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::certificates::CERTIFICATE_FILE;

/// Held as long as the robot runs.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Another process has it.
#[derive(Debug, thiserror::Error)]
#[error("another robot-agent runs with this certificate on this computer")]
pub(crate) struct LockHeld;

/// Acquires the lock of the identity in the folder `certs`. Where the file system knows no
/// locks there is none to take, and the robot runs without.
///
/// # Errors
/// [`LockHeld`] if another process has it.
pub(crate) fn acquire(certs: &Path) -> Result<Option<Lock>, LockHeld> {
    let Ok(file) = File::open(certs.join(CERTIFICATE_FILE)) else {
        return Ok(None);
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(TryLockError::WouldBlock) => Err(LockHeld),
        Err(TryLockError::Error(error)) => {
            tracing::debug!(%error, "no lock on the certificate");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_acquired_once_until_it_is_released() {
        let certs = tempfile::tempdir().unwrap();
        assert!(acquire(certs.path()).unwrap().is_none());
        std::fs::write(certs.path().join(CERTIFICATE_FILE), "").unwrap();
        let lock = acquire(certs.path()).unwrap();
        assert!(lock.is_some());
        assert!(acquire(certs.path()).is_err());
        drop(lock);
        assert!(acquire(certs.path()).unwrap().is_some());
    }
}
