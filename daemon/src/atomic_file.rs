//! A file that is replaced whole: whoever reads it sees the old content or the new one, also
//! after the process was killed or the plug pulled in the middle of it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Files that only their owner may read.
pub const SECRET: u32 = 0o600;
/// Files that everybody may read.
pub const PUBLIC: u32 = 0o644;

/// What the name of a file ends in while it is being written.
const LEFTOVER: &str = "new";

/// Replaces or makes the file at `path`, in a folder that exists. When this returns, the new
/// content survives a power cut; a secret is never readable by others, not even for a moment.
///
/// The new content is first written beside it, as `path` with `.new` appended, where a leftover of
/// an interrupted write is overwritten. So only one at a time may replace the same file.
///
/// # Errors
/// What the system says; the old file is untouched then.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    swap(path, |new| write_new(new, content, mode))?;
    // The rename itself survives only when the folder is on the disk.
    File::open(folder(path))?.sync_all()
}

/// Like [`replace`], for everybody to read, but faster: after a power cut the file may be empty.
/// For what is made anew anyway.
///
/// # Errors
/// As [`replace`].
pub fn replace_unsynced(path: &Path, content: &[u8]) -> io::Result<()> {
    swap(path, |new| {
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create_new(true)
            .open(new)?
            .write_all(content)
    })
}

/// Writes a file and waits until it is on the disk; a leftover is overwritten.
///
/// # Errors
/// What the system says.
pub fn write_synced(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(mode)
        .open(path)?;
    // The umask or a leftover may have had other ideas; a device keeps its mode.
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.write_all(content)?;
    file.sync_all()
}

/// Whether the file at `path` is what an interrupted [`replace`] has left; `.partial` is what versions
/// before 0.1 called it.
pub fn is_leftover(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some(LEFTOVER | "partial"))
}

/// The folder that `path` lies in.
pub fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn being_written(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(LEFTOVER);
    name.into()
}

/// Writes a file that is not there, with its mode from the first moment on.
fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.create_new(true).write(true).mode(mode).open(path)?;
    // The umask may have had other ideas.
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)?;
    file.sync_all()
}

/// A leftover is taken away first, and never followed: it may be somebody's link to another file.
fn swap(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let new = being_written(path);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write(&new)
        .and_then(|()| fs::rename(&new, path))
        .inspect_err(|_| {
            // On a full disk, half a file would keep it full.
            let _ = fs::remove_file(&new);
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        for (content, mode) in [("old", PUBLIC), ("new", SECRET)] {
            replace(&path, content.as_bytes(), mode).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                mode
            );
        }
        replace_unsynced(&path, b"newer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newer");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_leftover_of_an_interrupted_write_is_gone_after_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let leftover = being_written(&path);
        let writes: [fn(&Path) -> io::Result<()>; 2] = [
            |path| replace(path, b"whole", SECRET),
            |path| replace_unsynced(path, b"whole"),
        ];
        for write in writes {
            fs::write(&leftover, "longer than what is written next").unwrap();
            assert!(is_leftover(&leftover) && !is_leftover(&path));
            write(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"whole");
            assert!(!leftover.exists());
        }
        fs::write(&leftover, "for everybody to read").unwrap();
        replace(&path, b"secret", SECRET).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            SECRET
        );
    }

    #[test]
    fn a_link_in_the_place_of_a_leftover_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("key"), dir.path().join("passwd"));
        fs::write(&other, "root").unwrap();
        let writes: [fn(&Path) -> io::Result<()>; 2] = [
            |path| replace(path, b"whole", PUBLIC),
            |path| replace_unsynced(path, b"whole"),
        ];
        for write in writes {
            std::os::unix::fs::symlink(&other, being_written(&path)).unwrap();
            write(&path).unwrap();
            assert_eq!(fs::read(&other).unwrap(), b"root");
            assert_eq!(fs::read(&path).unwrap(), b"whole");
        }
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"content", PUBLIC).is_err());
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
