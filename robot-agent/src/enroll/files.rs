//! Puts the files of a new identity in place: first all of them beside their place, then
//! each by one step that either happens or does not.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use daemon::atomic_file;
use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::{CA_FILE, CERTIFICATE_FILE, KEY_FILE, is_amazon_root};
use crate::config;

/// The files before they are in place, on the same file system.
pub(super) struct Staging {
    folder: TempDir,
    target: PathBuf,
}

impl Staging {
    /// Makes `target` if need be.
    pub(super) fn beside(target: &Path) -> Result<Self> {
        let cannot = || format!("cannot write to {}", target.display());
        if !target.exists() {
            fs::create_dir_all(target).with_context(cannot)?;
            fs::set_permissions(target, Permissions::from_mode(0o755)).with_context(cannot)?;
        }
        let folder = tempfile::Builder::new()
            .prefix(".enroll-")
            .tempdir_in(target)
            .with_context(cannot)?;
        Ok(Self {
            folder,
            target: target.to_owned(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// On the disk, before it gets its name.
    pub(super) fn add(&self, name: &str, text: &str, mode: u32) -> Result<()> {
        write(&self.path().join(name), text, mode)
    }

    pub(super) fn leave_out(&self, name: &str) -> Result<()> {
        fs::remove_file(self.path().join(name)).context("cannot clean up")
    }

    /// Everything to its place; the key first, as a certificate is no use without it.
    pub(super) fn put(self, force: bool) -> Result<Vec<String>> {
        let mut moves = Vec::new();
        for name in [KEY_FILE, CERTIFICATE_FILE, CA_FILE] {
            let (from, to) = (self.path().join(name), self.target.join(name));
            if !from.exists() || same(&from, &to) {
                continue;
            }
            ensure!(
                force || !to.exists(),
                "{} is already there and differs: --force replaces it",
                to.display()
            );
            moves.push((from, to));
        }
        let mut done = Vec::new();
        for (from, to) in moves {
            place(&from, &to, force)?;
            done.push(format!("wrote {}", to.display()));
        }
        Ok(done)
    }
}

/// The configuration that came with the certificate; one that is there is never replaced.
pub(super) fn write_config(file: &Path, config: &Value) -> Result<String> {
    let text = format!("{config:#}\n");
    config::parse(&text, file).context("the configuration that came with it cannot be used")?;
    let folder = atomic_file::folder(file);
    let staged = tempfile::Builder::new()
        .prefix(".enroll-")
        .tempdir_in(folder)
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    let from = staged.path().join("config.json");
    write(&from, &text, atomic_file::PUBLIC)?;
    place(&from, file, false)?;
    Ok(format!("wrote {}", file.display()))
}

/// The roots that sign AWS' servers, from those that this computer trusts.
pub(super) fn amazon_roots() -> Result<String> {
    let roots = rustls_native_certs::load_native_certs().certs;
    let pem: String = roots
        .iter()
        .filter(|ca| is_amazon_root(ca))
        .map(|ca| pem(ca))
        .collect();
    if pem.is_empty() {
        bail!(
            "the answer names no CA, and this computer does not know Amazon's: install \
             ca-certificates, or give the CA of the broker with --ca"
        );
    }
    Ok(pem)
}

/// RFC 7468: 64 characters a line.
fn pem(der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    atomic_file::write_synced(path, text.as_bytes(), mode)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// A link, unlike a rename, fails if something is there.
fn place(from: &Path, to: &Path, replace: bool) -> Result<()> {
    let result = if replace {
        fs::rename(from, to)
    } else {
        fs::hard_link(from, to)
    };
    result.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow::anyhow!("{} is already there", to.display()),
        _ => anyhow::anyhow!("cannot write {}: {error}", to.display()),
    })
}

fn same(a: &Path, b: &Path) -> bool {
    matches!((fs::read(a), fs::read(b)), (Ok(a), Ok(b)) if a == b)
}
