//! The robot's three files: `cacert.pem` (who the servers must be), `certificate.pem` (who
//! the robot is) and `private.pem.key`. They are read and judged before any connection, so
//! that what is wrong is said in words and not as a failed handshake.
//!
//! It knows the files and TLS, not what is done over it: the MQTT session, the credentials
//! provider and `check` all take their TLS configuration from here.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use time::OffsetDateTime;

pub mod pem;
mod validate;

pub use validate::is_amazon_root;

/// File with the CA, or several, that signed the servers' certificates.
pub const CA_FILE: &str = "cacert.pem";
/// File with the robot's certificate, intermediate ones after it.
pub const CERTIFICATE_FILE: &str = "certificate.pem";
/// File with the robot's private key.
pub const KEY_FILE: &str = "private.pem.key";

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// Good to know.
    Note,
    /// Works now, but should be looked at.
    Warning,
    /// The server will refuse it unless this computer's clock is wrong. A Raspberry Pi has
    /// no clock of its own, so a connection is tried all the same.
    Fault,
    /// No connection can be tried.
    Unusable,
}

/// One thing about the files that the owner should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub gravity: Gravity,
    /// What it is, with the file, and what to do.
    pub text: String,
}

impl Finding {
    fn new(gravity: Gravity, text: impl Into<String>) -> Self {
        Self {
            gravity,
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What the three files hold.
#[derive(Debug)]
pub struct Certificates {
    roots: Arc<RootCertStore>,
    identity: Identity,
    /// The name in the certificate.
    pub common_name: Option<String>,
    /// First second of validity.
    pub not_before: OffsetDateTime,
    /// Last second of validity.
    pub not_after: OffsetDateTime,
}

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(key not shown)")
    }
}

/// Reads and judges the three files in `folder` at `now`. With `aws`, the computer's own
/// Amazon roots are trusted beside those of `cacert.pem`: the file of the AWS sample holds
/// only the old Starfield root, which the servers no longer reach on every chain.
///
/// The findings name everything that is wrong, worst first; there are no certificates if
/// one of them is [`Gravity::Unusable`].
pub fn read(folder: &Path, aws: bool, now: OffsetDateTime) -> (Option<Certificates>, Vec<Finding>) {
    let mut findings = Vec::new();
    let cas = keep(pem::certificates(&folder.join(CA_FILE)), &mut findings);
    let chain = keep(
        pem::certificates(&folder.join(CERTIFICATE_FILE)),
        &mut findings,
    );
    let key = keep(pem::private_key(&folder.join(KEY_FILE)), &mut findings);
    findings.extend(pem::key_mode(&folder.join(KEY_FILE)));

    let roots = cas.as_deref().and_then(|cas| {
        let roots = validate::root_store(cas, aws);
        keep(roots, &mut findings)
    });
    let facts = chain.as_deref().and_then(|chain| {
        let judged = validate::certificate(chain, cas.as_deref(), now, &mut findings);
        keep(judged, &mut findings)
    });
    // Of a certificate that cannot be read, enough has been said.
    if let (Some(_), Some(chain), Some(key)) = (&facts, &chain, &key) {
        findings.extend(mismatch(chain, key));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.gravity));
    if findings
        .first()
        .is_some_and(|f| f.gravity == Gravity::Unusable)
    {
        return (None, findings);
    }
    let certificates = (|| {
        let facts = facts?;
        Some(Certificates {
            roots: Arc::new(roots?),
            identity: Identity {
                chain: chain?,
                key: key?,
            },
            common_name: facts.common_name,
            not_before: facts.not_before,
            not_after: facts.not_after,
        })
    })();
    (certificates, findings)
}

impl Certificates {
    /// TLS with these roots and the robot's certificate, offering `alpn`.
    pub fn client_config(&self, alpn: &[&[u8]]) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the cipher suites of TLS 1.2 and 1.3")
            .with_root_certificates(self.roots.clone())
            .with_client_auth_cert(self.identity.chain.clone(), self.identity.key.clone_key())
            .expect("`read` has loaded this key and compared it with the certificate");
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }
}

/// The value, or the finding among the others.
fn keep<T>(result: Result<T, Finding>, findings: &mut Vec<Finding>) -> Option<T> {
    result.map_err(|finding| findings.push(finding)).ok()
}

/// What keeps `key` from proving that `chain` is its own.
fn mismatch(chain: &[CertificateDer<'static>], key: &PrivateKeyDer<'static>) -> Option<Finding> {
    let provider = rustls::crypto::ring::default_provider();
    let text = match CertifiedKey::from_der(chain.to_vec(), key.clone_key(), &provider) {
        Ok(_) => return None,
        Err(rustls::Error::InconsistentKeys(_)) => format!(
            "{KEY_FILE} does not match {CERTIFICATE_FILE}: they were not made together; put the \
             right pair in place or make a new one (robot-agent enroll --force)"
        ),
        Err(error) => format!(
            "{KEY_FILE} holds a key that cannot be used ({error}): use RSA with at least 2048 \
             bits, P-256, P-384 or Ed25519"
        ),
    };
    Some(Finding::new(Gravity::Unusable, text))
}
