//! Is the server who it says it is? Asked also by a computer whose clock stands in the past, as
//! that of a Pi does that has no battery for it and has not heard from an NTP server.
//!
//! The robot's own certificate was issued in the past, so a clock that shows an earlier day is wrong. To
//! such a clock every server's certificate seems not to be valid yet. It is then judged at the
//! latest moment that is known to be over: when the robot's certificate or the server's own was
//! issued. Signature, name and purpose are checked as always. `docs/decisions` has the reasons.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Checks servers as `webpki` does, at a time that is not before the robot's own certificate.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    pub(super) webpki: Arc<WebPkiServerVerifier>,
    /// When the robot's certificate was issued.
    pub(super) issued: OffsetDateTime,
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |now| {
            self.webpki.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            )
        };
        let issued = unix(self.issued);
        if now >= issued {
            return verify(now);
        }
        match verify(issued) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
            )) => verify(not_before(end_entity).unwrap_or(issued)),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// When a certificate was issued.
fn not_before(certificate: &CertificateDer<'_>) -> Option<UnixTime> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(unix(certificate.validity().not_before.to_datetime()))
}

fn unix(time: OffsetDateTime) -> UnixTime {
    let seconds = u64::try_from(time.unix_timestamp()).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, Issuer, KeyPair};
    use rustls::RootCertStore;
    use time::macros::datetime;

    /// A verifier of a robot that was enrolled in 2026, and a server's certificate of 2027.
    fn bench() -> (ServerVerifier, CertificateDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.not_before = datetime!(2020-01-01 0:00 UTC);
        let root = params.self_signed(&key).unwrap().der().clone();
        let ca = Issuer::new(params, key);
        let mut params = CertificateParams::new(["station".to_owned()]).unwrap();
        params.not_before = datetime!(2027-01-01 0:00 UTC);
        params.not_after = datetime!(2028-01-01 0:00 UTC);
        let server = params
            .signed_by(&KeyPair::generate().unwrap(), &ca)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = ServerVerifier {
            webpki: webpki.build().unwrap(),
            issued: datetime!(2026-01-01 0:00 UTC),
        };
        (verifier, server.der().clone())
    }

    fn accepts(name: &str, now: OffsetDateTime) -> bool {
        let (verifier, server) = bench();
        let name = ServerName::try_from(name).unwrap();
        verifier
            .verify_server_cert(&server, &[], &name, &[], unix(now))
            .is_ok()
    }

    #[test]
    fn a_clock_before_the_robots_own_certificate_is_wrong_and_no_other() {
        for (now, accepted) in [
            (datetime!(1970-01-02 0:00 UTC), true),
            (datetime!(2025-12-31 0:00 UTC), true),
            (datetime!(2026-06-01 0:00 UTC), false),
            (datetime!(2027-06-01 0:00 UTC), true),
            (datetime!(2028-06-01 0:00 UTC), false),
        ] {
            assert_eq!(accepts("station", now), accepted, "{now}");
        }
    }

    #[test]
    fn a_wrong_clock_makes_no_other_server_right() {
        assert!(!accepts("another", datetime!(1970-01-02 0:00 UTC)));
        let (mut verifier, server) = bench();
        let (other, _) = bench();
        verifier.webpki = other.webpki;
        let name = ServerName::try_from("station").unwrap();
        let now = unix(datetime!(1970-01-02 0:00 UTC));
        assert!(
            verifier
                .verify_server_cert(&server, &[], &name, &[], now)
                .is_err()
        );
    }
}
