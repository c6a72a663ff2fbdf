//! In whose name files are written. Root enrols for a service's own user, who owns the folder, and could
//! have a link in the place of a file by the time it is written: so it is written as that user.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{Gid, Uid};
use rustix::process::geteuid;
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// Links that are followed, as many as the kernel does.
const MAX_LINKS: usize = 40;

/// Acts as whoever owns `folder`, where this is root; else as who this is.
pub(super) fn as_owner_of<T: Send>(
    folder: &Path,
    act: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let owner = first_owner(&std::path::absolute(folder)?, MAX_LINKS)
        .with_context(|| format!("cannot tell whose {} is", folder.display()))?;
    let (true, Some((uid, gid))) = (geteuid().is_root(), owner) else {
        return act();
    };
    // Of this thread only, and it ends.
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            set_thread_groups(&[gid])?;
            set_thread_res_gid(None, gid, None)?;
            set_thread_res_uid(None, uid, None)?;
            act()
        });
        thread
            .join()
            .unwrap_or_else(|_| bail!("writing the files failed by a bug"))
    })
}

/// The first on the way from the root to `path` who is not root, and could change where the rest of it
/// leads. What is not there yet is nobody's.
fn first_owner(path: &Path, links: usize) -> Result<Option<(Uid, Gid)>> {
    let mut walked = PathBuf::new();
    let mut rest = path.components();
    while let Some(component) = rest.next() {
        walked.push(component);
        let Ok(found) = fs::symlink_metadata(&walked) else {
            return Ok(None);
        };
        if found.uid() != 0 {
            let owner = (Uid::from_raw(found.uid()), Gid::from_raw(found.gid()));
            return Ok(Some(owner));
        }
        if found.is_symlink() {
            let Some(links) = links.checked_sub(1) else {
                bail!("it is a loop of links");
            };
            let target = fs::read_link(&walked)?;
            walked.pop();
            return first_owner(&walked.join(target).join(rest.as_path()), links);
        }
    }
    Ok(None)
}
