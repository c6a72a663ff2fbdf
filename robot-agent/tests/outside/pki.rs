//! Certificates of every kind that a robot may meet, made in memory.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use robot_agent::certificates::Certificates;
use robot_agent::certificates::{self, CA_FILE, CERTIFICATE_FILE, KEY_FILE};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// A certification authority.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
    der: rustls::pki_types::CertificateDer<'static>,
}

/// A certificate and its key.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
    der: rustls::pki_types::CertificateDer<'static>,
    key_der: Vec<u8>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "certificates are valid around now"
)]
pub(crate) fn now() -> OffsetDateTime {
    std::time::SystemTime::now().into()
}

pub(crate) fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        Self::of(name, "Outpost test")
    }

    pub(crate) fn of(name: &str, organization: &str) -> Self {
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
    pub(crate) fn sign(&self, name: &str) -> Pair {
        let day = Duration::days(1);
        self.sign_between(name, now() - day, now() + day * 365)
    }

    pub(crate) fn sign_between(
        &self,
        name: &str,
        from: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Pair {
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
    pub(crate) fn sign_request(&self, pem: &str) -> String {
        self.sign_request_with(pem, |_| {})
    }

    /// Whatever name the request asks for.
    pub(crate) fn sign_request_as(&self, pem: &str, name: &str) -> String {
        self.sign_request_with(pem, |params| {
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, name);
        })
    }

    fn sign_request_with(&self, pem: &str, change: impl Fn(&mut CertificateParams)) -> String {
        let mut request = rcgen::CertificateSigningRequestParams::from_pem(pem).unwrap();
        change(&mut request.params);
        request.params.not_before = now() - Duration::days(1);
        request.params.not_after = now() + Duration::days(365);
        request.signed_by(&self.issuer).unwrap().pem()
    }

    /// TLS of a server whose clients must show a certificate of this CA.
    pub(crate) fn server_config(&self, alpn: &[&[u8]]) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .unwrap();
        let mut config = self.serving(server().with_client_cert_verifier(verifier));
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }

    /// TLS of a server that welcomes everybody.
    pub(crate) fn public_server_config(&self) -> Arc<ServerConfig> {
        Arc::new(self.serving(server().with_no_client_auth()))
    }

    fn serving(&self, config: ConfigBuilder<ServerConfig, WantsServerCert>) -> ServerConfig {
        let Pair { der, key_der, .. } = self.sign("localhost");
        let key = PrivateKeyDer::try_from(key_der).unwrap();
        config.with_single_cert(vec![der], key).unwrap()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn server() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
}

/// A folder with the three files, as they should be.
pub(crate) fn folder(ca: &str, robot: &Pair) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), ca, robot);
    folder
}

/// The three files in a folder that is there.
pub(crate) fn fill(folder: &Path, ca: &str, robot: &Pair) {
    fs::write(folder.join(CA_FILE), ca).unwrap();
    fs::write(folder.join(CERTIFICATE_FILE), &robot.certificate).unwrap();
    fs::write(folder.join(KEY_FILE), &robot.key).unwrap();
    fs::set_permissions(folder.join(KEY_FILE), Permissions::from_mode(0o600)).unwrap();
}

/// The certificates of a robot that trusts `ca` and was signed by `signer`.
pub(crate) fn robot(ca: &Ca, signer: &Ca, name: &str) -> Certificates {
    let folder = folder(&ca.pem, &signer.sign(name));
    let (certificates, findings) = certificates::read(folder.path(), false, now());
    certificates.unwrap_or_else(|| panic!("{findings:?}"))
}
