//! Files to DER: reads a PEM file and says in words what is wrong with it.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::finding::{Finding, Severity};

/// All public roots together take 230 kB; a file far larger is not one of the three.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Permissions that let others use a key. A service may read it through its group, as
/// `ssl-cert` keys are read on Debian, so that one bit is not among them.
const OTHERS: u32 = 0o037;

/// Every certificate in the file, at least one.
///
/// # Errors
/// A finding that names the file and what it is instead.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Finding> {
    let text = text(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(wrong_kind(path, &text, "a certificate")),
        Err(error) => Err(damaged(path, &error.to_string())),
    }
}

/// The first private key in the file.
///
/// # Errors
/// A finding that names the file and what it is instead.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Finding> {
    use rustls::pki_types::pem::Error;
    let text = text(path)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(key),
        Err(Error::NoItemsFound) => Err(wrong_kind(path, &text, "a private key")),
        Err(error) => Err(damaged(path, &error.to_string())),
    }
}

/// A warning if others can use the key.
pub(crate) fn key_mode(path: &Path) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & OTHERS != 0).then(|| {
        let shown = path.display();
        Finding::new(
            Severity::Warning,
            format!(
                "{shown} has mode {mode:04o}: other users of this computer can use the robot's \
                 key; chmod 600 {shown}"
            ),
        )
    })
}

fn text(path: &Path) -> Result<Vec<u8>, Finding> {
    let shown = path.display();
    let unusable = |text: String| Finding::new(Severity::Unusable, text);
    let cannot = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => unusable(format!(
            "{shown} is missing: robot-agent enroll makes it, or copy it here"
        )),
        ErrorKind::PermissionDenied => unusable(format!(
            "{shown} cannot be read by this user: change its owner or its mode"
        )),
        ErrorKind::IsADirectory => unusable(format!("{shown} is a folder: a PEM file is needed")),
        _ => unusable(format!("{shown} cannot be read: {error}")),
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(cannot)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(unusable(format!(
            "{shown} is larger than 1 MiB: a PEM file is needed"
        )));
    }
    Ok(bytes)
}

/// A readable file without what it should hold.
fn wrong_kind(path: &Path, text: &[u8], wanted: &str) -> Finding {
    let holds = |marker: &str| text.windows(marker.len()).any(|w| w == marker.as_bytes());
    let is = if text.iter().all(u8::is_ascii_whitespace) {
        "is empty"
    } else if holds("ENCRYPTED") {
        "holds an encrypted key, and nobody is there to type its password"
    } else if !holds("-----BEGIN ") {
        match text.first() {
            Some(0x30) => "is DER, not PEM",
            _ => "is not PEM",
        }
    } else if holds("BEGIN CERTIFICATE-----") {
        "holds a certificate"
    } else if holds("PRIVATE KEY-----") {
        "holds a private key"
    } else if holds("CERTIFICATE REQUEST-----") {
        "holds a certificate request, not yet a certificate"
    } else {
        "holds something else"
    };
    Finding::new(
        Severity::Unusable,
        format!("{} {is}: it must hold {wanted} in PEM", path.display()),
    )
}

fn damaged(path: &Path, error: &str) -> Finding {
    Finding::new(
        Severity::Unusable,
        format!("{} is damaged PEM ({error}): copy it again", path.display()),
    )
}
