//! The station's own server certificate: for which names, and when it is made anew.

use super::{Ca, Purpose};
use crate::state_dir::{self, PUBLIC, SECRET, StateDir};
use anyhow::Context;
use rcgen::KeyPair;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use x509_parser::extensions::GeneralName;

/// The longest that browsers on Apple's systems take from a private CA is 825 days; a year
/// and a month is what the rest of the world uses.
const LIFETIME: Duration = Duration::days(397);

/// Renewed a month before it ends, so that a station that is off for a holiday comes back
/// with a certificate that holds.
const RENEWED_BEFORE_END: Duration = Duration::days(30);

/// Shown by HTTPS and by the broker.
pub struct ServerCertificate {
    /// Alone: agents have the CA's.
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    /// Until it must be made anew; outside of it, nobody connects or soon nobody will.
    pub holds: Range<OffsetDateTime>,
    /// Whether it was made just now.
    pub renewed: bool,
}

impl ServerCertificate {
    /// TLS of the HTTPS listener: this certificate, and the client's of the same CA if it has
    /// one.
    pub fn tls(&self, ca: &Ca) -> anyhow::Result<Arc<rustls::ServerConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(ca.der().clone())?;
        let clients = WebPkiClientVerifier::builder(Arc::new(roots))
            .allow_unauthenticated()
            .build()?;
        let mut config = rustls::ServerConfig::builder()
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        // The last is for TURN (RFC 7443), which shares the port.
        config.alpn_protocols = ["h2", "http/1.1", "stun.turn"].map(Into::into).to_vec();
        Ok(Arc::new(config))
    }
}

impl Ca {
    /// The server certificate in the state folder, made anew when there is none that holds
    /// for `hosts` for a while yet.
    pub fn server_certificate(
        &self,
        state_dir: &StateDir,
        hosts: &BTreeSet<String>,
        now: OffsetDateTime,
    ) -> anyhow::Result<ServerCertificate> {
        let _lock = state_dir.lock_setup()?;
        // Before the CA was made nothing that it signs holds, so a clock that says so is wrong.
        let now = now.max(self.not_before);
        if let Some(server) = self.stored(state_dir, hosts, now) {
            return Ok(server);
        }
        let (key, names) = (KeyPair::generate()?, hosts);
        let hosts: Vec<String> = hosts.iter().cloned().collect();
        let name = hosts.first().map_or("localhost", String::as_str).to_owned();
        let issued = self.issue(&name, &key, &Purpose::Server(hosts), LIFETIME, now)?;
        state_dir::write(
            &state_dir.server_key(),
            key.serialize_pem().as_bytes(),
            SECRET,
        )?;
        state_dir::write(
            &state_dir.server_certificate(),
            issued.pem.as_bytes(),
            PUBLIC,
        )?;
        let made = self.stored(state_dir, names, now);
        let made = made.context("the server certificate that was just made does not hold")?;
        Ok(ServerCertificate {
            renewed: true,
            ..made
        })
    }

    /// The one in the folder, if it will do. Whatever is wrong with it, a new one cures.
    fn stored(
        &self,
        state_dir: &StateDir,
        hosts: &BTreeSet<String>,
        now: OffsetDateTime,
    ) -> Option<ServerCertificate> {
        let certificate = CertificateDer::from_pem_file(state_dir.server_certificate()).ok()?;
        let key = PrivateKeyDer::from_pem_file(state_dir.server_key()).ok()?;
        let pair = KeyPair::try_from(&key).ok()?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&certificate).ok()?;
        let (_, authority) = x509_parser::parse_x509_certificate(&self.der).ok()?;
        let validity = parsed.validity();
        let names = parsed.subject_alternative_name().ok()??;
        let held: BTreeSet<String> = names.value.general_names.iter().filter_map(host).collect();
        let end = validity.not_after.to_datetime() - RENEWED_BEFORE_END;
        let holds = validity.not_before.to_datetime()..end;
        let good = parsed
            .verify_signature(Some(authority.public_key()))
            .is_ok()
            && parsed.public_key().raw == rcgen::PublicKeyData::subject_public_key_info(&pair)
            && holds.contains(&now)
            && hosts.is_subset(&held);
        good.then_some(ServerCertificate {
            certificate,
            key,
            holds,
            renewed: false,
        })
    }
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => Some(IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?).to_string()),
            16 => Some(IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    struct Bench {
        _dir: tempfile::TempDir,
        state_dir: StateDir,
        ca: Ca,
    }

    fn bench() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(dir.path()).unwrap();
        let ca = Ca::open(&state_dir, clock::utc()).unwrap();
        Bench {
            _dir: dir,
            state_dir,
            ca,
        }
    }

    fn hosts(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn it_is_kept_while_it_holds_and_renewed_before_it_ends() {
        let Bench { state_dir, ca, .. } = &bench();
        let now = clock::utc();
        let names = hosts(&["localhost", "127.0.0.1", "::1"]);
        let first = ca.server_certificate(state_dir, &names, now).unwrap();
        assert!(first.renewed);
        let again = ca
            .server_certificate(state_dir, &names, now + Duration::days(300))
            .unwrap();
        assert!(!again.renewed);
        assert_eq!(again.certificate, first.certificate);
        for later in [368, 398, 4000] {
            let dir = tempfile::tempdir().unwrap();
            let copy = StateDir::open(dir.path()).unwrap();
            for file in ["server.pem", "server.key"] {
                std::fs::copy(state_dir.root().join(file), copy.root().join(file)).unwrap();
            }
            let renewed = ca.server_certificate(&copy, &names, now + Duration::days(later));
            assert!(renewed.unwrap().renewed, "after {later} days");
        }
    }

    #[test]
    fn a_new_host_a_foreign_or_a_broken_file_makes_a_new_one() {
        let Bench { state_dir, ca, .. } = &bench();
        let now = clock::utc();
        ca.server_certificate(state_dir, &hosts(&["localhost"]), now)
            .unwrap();
        let more = hosts(&["localhost", "10.0.0.7"]);
        assert!(
            ca.server_certificate(state_dir, &more, now)
                .unwrap()
                .renewed
        );
        assert!(
            !ca.server_certificate(state_dir, &hosts(&["localhost"]), now)
                .unwrap()
                .renewed
        );
        assert!(
            bench()
                .ca
                .server_certificate(state_dir, &more, now)
                .unwrap()
                .renewed
        );
        std::fs::write(state_dir.server_certificate(), "nonsense").unwrap();
        assert!(
            ca.server_certificate(state_dir, &more, now)
                .unwrap()
                .renewed
        );
    }
}
