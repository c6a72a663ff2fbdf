//! The robot's three files: `cacert.pem` (who the servers must be), `certificate.pem` (who
//! the robot is) and `private.pem.key`. They are read and validated before any connection, so
//! that what is wrong is said in words and not as a failed handshake.
//!
//! It knows the files and TLS, not what is done over it: the MQTT session, the credentials
//! provider and `check` all take their TLS configuration from here.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::{WantsClientCert, WebPkiServerVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use time::OffsetDateTime;

mod finding;
pub(crate) mod pem;
mod server_verifier;
mod validate;

pub use finding::{CA_FILE, CERTIFICATE_FILE, Finding, KEY_FILE, Severity};
use server_verifier::ServerVerifier;
pub(crate) use validate::is_amazon_root;

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

/// Reads and validates the three files in `folder` at `now`. With `aws`, the computer's own
/// Amazon roots are trusted beside those of `cacert.pem`: the file of the AWS sample holds
/// only the old Starfield root, which the servers no longer reach on every chain.
///
/// The findings name everything that is wrong, worst first; there are no certificates if
/// one of them is [`Severity::Unusable`].
pub fn read(folder: &Path, aws: bool, now: OffsetDateTime) -> (Option<Certificates>, Vec<Finding>) {
    let mut findings = Vec::new();
    let cas = or_push(pem::certificates(&folder.join(CA_FILE)), &mut findings);
    let chain = or_push(
        pem::certificates(&folder.join(CERTIFICATE_FILE)),
        &mut findings,
    );
    let key = or_push(pem::private_key(&folder.join(KEY_FILE)), &mut findings);
    findings.extend(pem::key_mode(&folder.join(KEY_FILE)));

    let roots = cas.as_deref().and_then(|cas| {
        let roots = validate::root_store(cas, aws);
        or_push(roots, &mut findings)
    });
    let facts = chain.as_deref().and_then(|chain| {
        let facts = validate::certificate(chain, cas.as_deref(), now, &mut findings);
        or_push(facts, &mut findings)
    });
    // Of a certificate that cannot be read, enough has been said.
    if let (Some(_), Some(chain), Some(key)) = (&facts, &chain, &key) {
        findings.extend(mismatch(chain, key));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let usable = findings
        .first()
        .is_none_or(|finding| finding.severity != Severity::Unusable);
    let certificates = match (roots, chain, key, facts) {
        (Some(roots), Some(chain), Some(key), Some(facts)) if usable => Some(Certificates {
            roots: Arc::new(roots),
            identity: Identity { chain, key },
            common_name: facts.common_name,
            not_before: facts.not_before,
            not_after: facts.not_after,
        }),
        _ => None,
    };
    (certificates, findings)
}

impl Certificates {
    /// TLS with these roots and the robot's certificate, offering `alpn`.
    pub fn client_config(&self, alpn: &[&[u8]]) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let webpki = WebPkiServerVerifier::builder_with_provider(self.roots.clone(), provider);
        let verifier = ServerVerifier {
            webpki: webpki.build().expect("`read` has found a root"),
            issued: self.not_before,
        };
        let mut config = versions()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(self.identity.chain.clone(), self.identity.key.clone_key())
            .expect("`read` has loaded this key and compared it with the certificate");
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }
}

/// TLS that trusts `roots`; whether the robot shows a certificate is left open.
pub(crate) fn tls_builder(
    roots: impl Into<Arc<RootCertStore>>,
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    versions().with_root_certificates(roots)
}

fn versions() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3")
}

/// The value; a finding is put to the others.
fn or_push<T>(result: Result<T, Finding>, findings: &mut Vec<Finding>) -> Option<T> {
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
    Some(Finding::new(Severity::Unusable, text))
}
