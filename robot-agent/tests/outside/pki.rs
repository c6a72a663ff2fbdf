//! Certificates of every kind that a robot may meet, made in memory.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use robot_agent::link::Certificates;
use robot_agent::link::certificates::{self, CA_FILE, CERTIFICATE_FILE, KEY_FILE};
use rustls::RootCertStore;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// A certification authority.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
    der: rustls::pki_types::CertificateDer<'static>,
}

/// A certificate and its key.
pub struct Pair {
    pub certificate: String,
    pub key: String,
    der: rustls::pki_types::CertificateDer<'static>,
    key_der: Vec<u8>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "certificates are valid around now"
)]
pub fn now() -> OffsetDateTime {
    std::time::SystemTime::now().into()
}

pub fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

impl Ca {
    pub fn new(name: &str) -> Self {
        Self::of(name, "Outpost test")
    }

    pub fn of(name: &str, organization: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params
            .distinguished_name
            .push(DnType::OrganizationName, organization);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = key();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// For a robot or the host `localhost`, valid around now.
    pub fn sign(&self, name: &str) -> Pair {
        let day = Duration::days(1);
        self.sign_between(name, now() - day, now() + day * 365)
    }

    pub fn sign_between(&self, name: &str, from: OffsetDateTime, until: OffsetDateTime) -> Pair {
        let mut params =
            CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = from;
        params.not_after = until;
        let key = key();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: key.serialize_der(),
        }
    }

    /// What a certificate request becomes.
    pub fn sign_request(&self, pem: &str) -> String {
        let mut request = rcgen::CertificateSigningRequestParams::from_pem(pem).unwrap();
        request.params.not_before = now() - Duration::days(1);
        request.params.not_after = now() + Duration::days(365);
        request.signed_by(&self.issuer).unwrap().pem()
    }

    /// TLS of a server whose clients must show a certificate of this CA.
    pub fn server_config(&self, alpn: &[&[u8]]) -> Arc<rustls::ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .unwrap();
        let server = self.sign("localhost");
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![server.der],
                PrivateKeyDer::try_from(server.key_der).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }
}

/// A folder with the three files, as they should be.
pub fn folder(ca: &str, robot: &Pair) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), ca, robot);
    folder
}

/// The three files in a folder that is there.
pub fn fill(folder: &Path, ca: &str, robot: &Pair) {
    fs::write(folder.join(CA_FILE), ca).unwrap();
    fs::write(folder.join(CERTIFICATE_FILE), &robot.certificate).unwrap();
    fs::write(folder.join(KEY_FILE), &robot.key).unwrap();
    fs::set_permissions(folder.join(KEY_FILE), Permissions::from_mode(0o600)).unwrap();
}

/// The certificates of a robot that trusts `ca` and was signed by `signer`.
pub fn robot(ca: &Ca, signer: &Ca, name: &str) -> Certificates {
    let folder = folder(&ca.pem, &signer.sign(name));
    let (certificates, findings) = certificates::read(folder.path(), false, now());
    certificates.unwrap_or_else(|| panic!("{findings:?}"))
}
