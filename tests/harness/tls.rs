//! TLS by the three files of a `certs` folder: `cacert.pem`, `certificate.pem`, `private.pem.key`.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// Whether a client shows the certificate in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// It does.
    Shown,
    /// It only trusts the CA.
    Hidden,
}

/// Makes `ring` the TLS provider of this process; the second call changes nothing.
pub fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A TLS client.
///
/// # Panics
/// When the files are not what they should be.
pub fn client(certs: &Path, identity: Identity) -> Arc<ClientConfig> {
    use_ring();
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_file_iter(certs.join("cacert.pem")).expect("a CA file") {
        roots.add(root.expect("a certificate")).expect("a CA");
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    if identity == Identity::Hidden {
        return Arc::new(config.with_no_client_auth());
    }
    let chain = CertificateDer::pem_file_iter(certs.join("certificate.pem"))
        .expect("a certificate file")
        .map(|certificate| certificate.expect("a certificate"))
        .collect();
    let key = PrivateKeyDer::from_pem_file(certs.join("private.pem.key")).expect("a key");
    let config = config.with_client_auth_cert(chain, key);
    Arc::new(config.expect("key and certificate match"))
}

/// An HTTPS client.
///
/// # Panics
/// When the files are not what they should be.
pub fn http_client(certs: &Path, identity: Identity) -> reqwest::Client {
    use_ring();
    let read = |file: &str| std::fs::read(certs.join(file)).expect("a certificate or key");
    let ca = reqwest::Certificate::from_pem(&read("cacert.pem")).expect("a CA");
    let mut client = reqwest::Client::builder().tls_certs_only([ca]);
    if identity == Identity::Shown {
        let pair = [read("certificate.pem"), read("private.pem.key")].concat();
        client = client.identity(reqwest::Identity::from_pem(&pair).expect("a pair"));
    }
    client.build().expect("the files are good")
}
