//! The state folder: where what the station must remember lies, and who may read it.
//!
//! Owns paths, modes and locks. Knows nothing of what the files say.

pub use daemon::atomic_file::{PUBLIC, SECRET};

use daemon::atomic_file;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The state folder, existing and private.
#[derive(Clone, Debug)]
pub struct StateDir {
    root: PathBuf,
}

/// Why a folder cannot hold the state.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// It holds other things than a station's.
    #[error("{0} is not empty and holds no {DATABASE}: name an empty or new folder")]
    Foreign(PathBuf),
    /// Of what it held, this was lost.
    #[error(
        "{lost} in {root}, where a station was set up: restore the whole folder from a backup while \
         no ground-station runs. Without a backup, move the folder away and start anew; then every \
         robot must enrol again, and users and keys must be made again. What is left is not used \
         without the rest: revoked robots would be let in again, or all of them locked out"
    )]
    Lost { lost: String, root: PathBuf },
    #[error("cannot {doing} {path}")]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Another `run` holds it.
    #[error("another ground-station runs with the state folder {0}")]
    Running(PathBuf),
}

/// What a failure to do so with `path` is called.
fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StateDirError {
    let path = path.to_owned();
    move |source| StateDirError::Io {
        doing,
        path,
        source,
    }
}

const DATABASE: &str = "station.db";

impl StateDir {
    /// Opens or makes the folder, mode 0700.
    pub fn open(root: &Path) -> Result<Self, StateDirError> {
        make_private(root).map_err(failed("make the state folder", root))?;
        let root = root
            .canonicalize()
            .map_err(failed("find the state folder", root))?;
        let state_dir = Self { root };
        if !state_dir.database().exists() && !state_dir.is_fresh()? {
            return Err(if state_dir.has_ca() {
                state_dir.lost(format!("there is no {DATABASE}"))
            } else {
                StateDirError::Foreign(state_dir.root)
            });
        }
        fs::set_permissions(&state_dir.root, Permissions::from_mode(0o700))
            .map_err(failed("make private", &state_dir.root))?;
        // SQLite would make it for others to read.
        drop(open_private(&state_dir.database())?);
        Ok(state_dir)
    }

    /// Empty, but for what another command that starts at the same moment has made.
    fn is_fresh(&self) -> Result<bool, StateDirError> {
        let entries = fs::read_dir(&self.root).map_err(failed("read", &self.root))?;
        Ok(entries
            .flatten()
            .all(|entry| entry.file_name() == "setup.lock"))
    }

    /// Whether there was a station: its CA is made after its database.
    pub fn has_ca(&self) -> bool {
        self.ca_certificate().exists() || self.ca_key().exists()
    }

    /// What to tell the owner when a part of the state is gone: `lost`, in words.
    pub fn lost(&self, lost: String) -> StateDirError {
        StateDirError::Lost {
            lost,
            root: self.root.clone(),
        }
    }

    /// Removes what interrupted writes have left. For the one who holds [`StateDir::lock_run`].
    pub fn remove_leftovers(&self) -> Result<(), StateDirError> {
        let _lock = self.lock_setup()?;
        for folder in [self.root.clone(), self.broker("")] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if atomic_file::is_leftover(&entry.path()) {
                    // What cannot be removed does no harm either.
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
        Ok(())
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn database(&self) -> PathBuf {
        self.root.join(DATABASE)
    }

    /// The certificate that every agent trusts.
    pub fn ca_certificate(&self) -> PathBuf {
        self.root.join("ca.pem")
    }

    pub fn ca_key(&self) -> PathBuf {
        self.root.join("ca.key")
    }

    /// The certificate of HTTPS and of the broker.
    pub fn server_certificate(&self) -> PathBuf {
        self.root.join("server.pem")
    }

    pub fn server_key(&self) -> PathBuf {
        self.root.join("server.key")
    }

    /// Up to which revision of the store the running station acts.
    pub fn applied_revision(&self) -> PathBuf {
        self.root.join("in-force")
    }

    /// Up to which revision its robots act, and which do not.
    pub fn robots_revision(&self) -> PathBuf {
        self.root.join("robots-in-force")
    }

    /// A file of the broker's generated configuration.
    pub fn broker(&self, file: &str) -> PathBuf {
        self.root.join("broker").join(file)
    }

    /// Held while one command makes what every command needs, so that two cannot make it
    /// differently. Released on drop.
    pub fn lock_setup(&self) -> Result<File, StateDirError> {
        let path = self.root.join("setup.lock");
        let lock = open_private(&path)?;
        lock.lock().map_err(failed("lock", &path))?;
        Ok(lock)
    }

    /// Held by `run`: one station per folder. Released on drop, and by the kernel whatever
    /// becomes of the process.
    pub fn lock_run(&self) -> Result<File, StateDirError> {
        let path = self.root.join("run.lock");
        let lock = open_private(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(StateDirError::Running(self.root.clone())),
            Err(TryLockError::Error(error)) => Err(failed("lock", &path)(error)),
        }
    }
}

fn open_private(path: &Path) -> Result<File, StateDirError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(SECRET)
        .open(path)
        .map_err(failed("open", path))
}

/// Like [`write()`], but leaves a file alone that says the same: on a full disk, what need not be
/// written must not fail.
pub fn write_changed(path: &Path, content: &[u8], mode: u32) -> Result<(), StateDirError> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    write(path, content, mode)
}

/// Replaces a file whole or not at all, making its folder.
pub fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), StateDirError> {
    make_private(atomic_file::folder(path))
        .and_then(|()| atomic_file::replace(path, content, mode))
        .map_err(failed("write", path))
}

fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_folder_and_its_secrets_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(&dir.path().join("state")).unwrap();
        write(&state_dir.ca_key(), b"key", SECRET).unwrap();
        assert_eq!(mode(state_dir.root()), 0o700);
        assert_eq!(mode(&state_dir.ca_key()), 0o600);
    }

    #[test]
    fn a_folder_with_other_things_in_it_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        fs::write(dir.path().join("diary.txt"), "dear").unwrap();
        let error = StateDir::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("not empty"), "{error}");
        assert_eq!(mode(dir.path()), 0o755);
    }

    #[test]
    fn a_ca_without_a_database_is_no_new_station() {
        let dir = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(dir.path()).unwrap();
        write(&state_dir.ca_key(), b"key", SECRET).unwrap();
        fs::remove_file(state_dir.database()).unwrap();
        let error = StateDir::open(dir.path()).unwrap_err().to_string();
        for words in ["no station.db", "backup", "enrol again"] {
            assert!(error.contains(words), "{error}");
        }
        assert!(!state_dir.database().exists());
    }

    #[test]
    fn what_interrupted_writes_have_left_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(dir.path()).unwrap();
        write(&state_dir.broker("access.list"), b"list", SECRET).unwrap();
        write(&state_dir.ca_key(), b"key", SECRET).unwrap();
        let leftovers = [
            "in-force.new",
            "server.pem.partial",
            "broker/access.list.new",
        ];
        for leftover in leftovers {
            fs::write(dir.path().join(leftover), "half").unwrap();
        }
        state_dir.remove_leftovers().unwrap();
        for leftover in leftovers {
            assert!(!dir.path().join(leftover).exists(), "{leftover}");
        }
        assert!(state_dir.broker("access.list").exists() && state_dir.ca_key().exists());
    }

    #[test]
    fn only_one_run_holds_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(dir.path()).unwrap();
        let held = state_dir.lock_run().unwrap();
        assert!(matches!(
            state_dir.lock_run(),
            Err(StateDirError::Running(_))
        ));
        drop(held);
        state_dir.lock_run().unwrap();
    }
}
