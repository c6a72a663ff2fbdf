//! What is said about the robot's three files, and their names.

use std::fmt;

/// File with the CA, or several, that signed the servers' certificates.
pub const CA_FILE: &str = "cacert.pem";
/// File with the robot's certificate, intermediate ones after it.
pub const CERTIFICATE_FILE: &str = "certificate.pem";
/// File with the robot's private key.
pub const KEY_FILE: &str = "private.pem.key";

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Works now, but should be looked at.
    Warning,
    /// The server will refuse it unless this computer's clock is wrong. A Raspberry Pi has
    /// no clock of its own, so a connection is tried all the same.
    Error,
    /// No connection can be tried.
    Unusable,
}

/// One thing about the files that the owner should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, with the file, and what to do.
    pub text: String,
}

impl Finding {
    pub(super) fn new(severity: Severity, text: impl Into<String>) -> Self {
        Self {
            severity,
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
