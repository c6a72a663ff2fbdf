//! The certificate authority: who gets a certificate, and what it says.
//!
//! The CA is made at the first run and lives as long as the state folder. Every certificate
//! is made here: robots and operators (by command or by `/sign`), the station's own server,
//! the station as a client of the broker. Knows nothing of HTTP.

pub mod hosts;
pub mod request;
mod revocation;
pub mod server;
pub mod text;

use crate::hex;
use crate::state_dir::{self, PUBLIC, SECRET, StateDir};
use crate::store::Certificate;
use anyhow::{Context, anyhow, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::IpAddr;
use time::{Duration, OffsetDateTime};

/// The CA outlives every robot that trusts it: replacing it means visiting them all.
const CA_YEARS: i64 = 30;

/// As AWS IoT's own certificates, a robot's lives about as long as the robot; `revoke` is
/// what ends it early.
const CLIENT_YEARS: i64 = 10;

/// Certificates hold from a day before they are made: a Raspberry Pi has no clock of its own
/// and may start with yesterday's time.
const BACKDATED: Duration = Duration::DAY;

pub struct Ca {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    not_before: OffsetDateTime,
}

/// What the state folder holds instead of a CA; a restart does not cure it.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct UnusableCa(anyhow::Error);

/// What a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A robot, an operator, the station itself: connects to the broker.
    Client,
    /// HTTPS and the broker, under these names and addresses.
    Server(Vec<String>),
}

/// A certificate and what the store remembers of it.
#[derive(Clone, Debug)]
pub struct Issued {
    pub pem: String,
    pub record: Certificate,
}

impl Ca {
    /// Opens the CA of a state folder, making it the first time.
    pub fn open(state_dir: &StateDir, now: OffsetDateTime) -> Result<Self, UnusableCa> {
        Self::open_or_make(state_dir, now).map_err(UnusableCa)
    }

    fn open_or_make(state_dir: &StateDir, now: OffsetDateTime) -> anyhow::Result<Self> {
        let _lock = state_dir.lock_setup()?;
        let (certificate, key) = (state_dir.ca_certificate(), state_dir.ca_key());
        if !certificate.exists() && !key.exists() {
            let (pem, key_pem) = make(now)?;
            state_dir::write(&key, key_pem.as_bytes(), SECRET)?;
            state_dir::write(&certificate, pem.as_bytes(), PUBLIC)?;
        }
        for (there, missing) in [(&certificate, &key), (&key, &certificate)] {
            ensure!(
                missing.exists(),
                "{} is there but {} is not: restore it from a backup, or remove both to start anew",
                there.display(),
                missing.display()
            );
        }
        let read = |path: &std::path::Path| {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        };
        Self::from_pem(read(&certificate)?, &read(&key)?)
            .with_context(|| format!("the CA in {}", state_dir.root().display()))
    }

    fn from_pem(pem: String, key_pem: &str) -> anyhow::Result<Self> {
        let key = KeyPair::from_pem(key_pem).context("ca.key is no private key")?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| anyhow!("ca.pem is no certificate: {error}"))?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&der)
            .map_err(|error| anyhow!("ca.pem is no certificate: {error}"))?;
        ensure!(parsed.is_ca(), "ca.pem is not a CA's certificate");
        ensure!(
            parsed.public_key().raw == key.subject_public_key_info(),
            "ca.pem and ca.key do not belong together"
        );
        let not_before = parsed.validity().not_before.to_datetime();
        let issuer = Issuer::from_ca_cert_der(&der, key).context("ca.pem cannot sign")?;
        Ok(Self {
            pem,
            der,
            issuer,
            not_before,
        })
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Signs a certificate for `name` and its public key.
    pub fn issue(
        &self,
        name: &str,
        public_key: &impl PublicKeyData,
        purpose: &Purpose,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> anyhow::Result<Issued> {
        let serial: [u8; 16] = positive(rand::random());
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.distinguished_name = common_name(name);
        params.not_before = (now - BACKDATED).max(self.not_before);
        params.not_after = now + lifetime;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        match purpose {
            Purpose::Client => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
            Purpose::Server(hosts) => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
                params.subject_alt_names = hosts
                    .iter()
                    .map(|host| alternative_name(host))
                    .collect::<Result<_, _>>()?;
            }
        }
        let certificate = params.signed_by(public_key, &self.issuer)?;
        Ok(Issued {
            pem: certificate.pem(),
            record: Certificate {
                serial: hex::encode(&serial),
                issued_s: now.unix_timestamp().max(0) as u64,
                expires_s: params.not_after.unix_timestamp().max(0) as u64,
            },
        })
    }

    /// A certificate for a robot or an operator.
    pub fn issue_client(
        &self,
        name: &str,
        public_key: &impl PublicKeyData,
        now: OffsetDateTime,
    ) -> anyhow::Result<Issued> {
        self.issue(
            name,
            public_key,
            &Purpose::Client,
            Duration::days(365 * CLIENT_YEARS),
            now,
        )
    }
}

fn make(now: OffsetDateTime) -> anyhow::Result<(String, String)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&positive(
        rand::random::<[u8; 16]>(),
    )));
    // Two stations' CAs must not have one name: a client that trusts both would pick the
    // wrong one by it.
    params.distinguished_name = common_name(&format!(
        "Outpost CA {}",
        hex::encode(&rand::random::<[u8; 4]>())
    ));
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Outpost");
    params.not_before = now - BACKDATED;
    params.not_after = now + Duration::days(365 * CA_YEARS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn common_name(name: &str) -> DistinguishedName {
    let mut dn = DistinguishedName::new();
    dn.push(DnType::CommonName, name);
    dn
}

fn alternative_name(host: &str) -> anyhow::Result<SanType> {
    Ok(match host.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(
            host.try_into()
                .with_context(|| format!("{host:?} is neither a host name nor an address"))?,
        ),
    })
}

/// A DER integer whose first bit is set would need a further byte, and one that starts with
/// zero would lose it; the serial number is kept and compared as it is written here.
fn positive<const N: usize>(mut serial: [u8; N]) -> [u8; N] {
    serial[0] = serial[0] & 0x7f | 0x40;
    serial
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_ca_is_made_once_and_its_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(dir.path()).unwrap();
        let first = Ca::open(&state_dir, clock::utc()).unwrap();
        let second = Ca::open(&state_dir, clock::utc()).unwrap();
        assert_eq!(first.pem(), second.pem());
        let mode = std::fs::metadata(state_dir.ca_key()).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_ca_that_lost_half_of_itself_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let state_dir = StateDir::open(dir.path()).unwrap();
        Ca::open(&state_dir, clock::utc()).unwrap();
        std::fs::remove_file(state_dir.ca_key()).unwrap();
        let error = Ca::open(&state_dir, clock::utc())
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("ca.key is not"), "{error}");
        let other = KeyPair::generate().unwrap();
        state_dir::write(
            &state_dir.ca_key(),
            other.serialize_pem().as_bytes(),
            SECRET,
        )
        .unwrap();
        let error = format!("{:#}", Ca::open(&state_dir, clock::utc()).err().unwrap());
        assert!(error.contains("do not belong together"), "{error}");
    }

    #[test]
    fn a_certificate_says_what_the_store_remembers() {
        let dir = tempfile::tempdir().unwrap();
        let ca = Ca::open(&StateDir::open(dir.path()).unwrap(), clock::utc()).unwrap();
        let issued = ca
            .issue_client("rover", &KeyPair::generate().unwrap(), clock::utc())
            .unwrap();
        let der = CertificateDer::from_pem_slice(issued.pem.as_bytes()).unwrap();
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
        assert_eq!(hex::encode(parsed.raw_serial()), issued.record.serial);
        assert_eq!(parsed.subject().to_string(), "CN=rover");
        assert_eq!(
            parsed.validity().not_after.timestamp() as u64,
            issued.record.expires_s
        );
        let (_, authority) = x509_parser::parse_x509_certificate(ca.der()).unwrap();
        parsed
            .verify_signature(Some(authority.public_key()))
            .unwrap();
    }
}
