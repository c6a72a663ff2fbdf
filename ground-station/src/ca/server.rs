//! The station's own server certificate: for which names, and when it is made anew.

use super::{Ca, Purpose};
use crate::state_dir::{self, PUBLIC, SECRET, StateDir};
use rcgen::KeyPair;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::BTreeSet;
use std::net::IpAddr;
use time::{Duration, OffsetDateTime};
use x509_parser::extensions::GeneralName;

/// The longest that browsers on Apple's systems take from a private CA is 825 days; a year
/// and a month is what the rest of the world uses.
const LIFETIME: Duration = Duration::days(397);

/// Renewed a month before it ends, so that a station that is off for a holiday comes back
/// with a certificate that holds.
const RENEWED_BEFORE_END: Duration = Duration::days(30);

/// The server's certificate and key.
pub struct Server {
    /// The certificate alone: agents have the CA's.
    pub certificate: CertificateDer<'static>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
    /// Whether it was made just now.
    pub renewed: bool,
}

impl Ca {
    /// The server certificate in the state folder, made anew when there is none that holds
    /// for `hosts` for a while yet.
    ///
    /// # Errors
    /// When a host is no host, or the files cannot be written.
    pub fn server(
        &self,
        folder: &StateDir,
        hosts: &BTreeSet<String>,
        now: OffsetDateTime,
    ) -> anyhow::Result<Server> {
        let _lock = folder.lock_setup()?;
        if let Some(server) = self.kept(folder, hosts, now) {
            return Ok(server);
        }
        let key = KeyPair::generate()?;
        let hosts: Vec<String> = hosts.iter().cloned().collect();
        let name = hosts.first().map_or("localhost", String::as_str).to_owned();
        let issued = self.issue(&name, &key, &Purpose::Server(hosts), LIFETIME, now)?;
        state_dir::write(&folder.server_key(), key.serialize_pem().as_bytes(), SECRET)?;
        state_dir::write(&folder.server_certificate(), issued.pem.as_bytes(), PUBLIC)?;
        Ok(Server {
            certificate: CertificateDer::from_pem_slice(issued.pem.as_bytes())?,
            key: PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes())?,
            renewed: true,
        })
    }

    /// The one in the folder, if it will do. Whatever is wrong with it, a new one cures.
    fn kept(
        &self,
        folder: &StateDir,
        hosts: &BTreeSet<String>,
        now: OffsetDateTime,
    ) -> Option<Server> {
        let certificate = CertificateDer::from_pem_file(folder.server_certificate()).ok()?;
        let key = PrivateKeyDer::from_pem_file(folder.server_key()).ok()?;
        let pair = KeyPair::try_from(&key).ok()?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&certificate).ok()?;
        let (_, authority) = x509_parser::parse_x509_certificate(&self.der).ok()?;
        let validity = parsed.validity();
        let names = parsed.subject_alternative_name().ok()??;
        let held: BTreeSet<String> = names.value.general_names.iter().filter_map(host).collect();
        let holds = parsed
            .verify_signature(Some(authority.public_key()))
            .is_ok()
            && parsed.public_key().raw == rcgen::PublicKeyData::subject_public_key_info(&pair)
            && validity.not_before.to_datetime() <= now
            && now + RENEWED_BEFORE_END < validity.not_after.to_datetime()
            && hosts.is_subset(&held);
        holds.then_some(Server {
            certificate,
            key,
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

/// The names and addresses under which this machine is reached, as far as it knows itself.
pub fn own_hosts() -> BTreeSet<String> {
    let mut hosts: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"]
        .into_iter()
        .map(str::to_owned)
        .collect();
    if let Some(name) = host_name() {
        hosts.insert(format!("{name}.local"));
        hosts.insert(name);
    }
    for interface in webrtc_util::ifaces::ifaces().unwrap_or_default() {
        if let Some(address) = interface.addr {
            hosts.insert(address.ip().to_string());
        }
    }
    hosts
}

/// This machine's name, when it can stand in a certificate.
pub fn host_name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    let fits = !name.is_empty()
        && name.len() <= 63
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    fits.then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    struct Bench {
        _dir: tempfile::TempDir,
        folder: StateDir,
        ca: Ca,
    }

    fn bench() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let folder = StateDir::open(dir.path()).unwrap();
        let ca = Ca::open(&folder, clock::utc()).unwrap();
        Bench {
            _dir: dir,
            folder,
            ca,
        }
    }

    fn hosts(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn it_is_kept_while_it_holds_and_renewed_before_it_ends() {
        let Bench { folder, ca, .. } = &bench();
        let now = clock::utc();
        let names = hosts(&["localhost", "127.0.0.1", "::1"]);
        let first = ca.server(folder, &names, now).unwrap();
        assert!(first.renewed);
        let again = ca
            .server(folder, &names, now + Duration::days(300))
            .unwrap();
        assert!(!again.renewed);
        assert_eq!(again.certificate, first.certificate);
        for later in [368, 398, 4000] {
            let dir = tempfile::tempdir().unwrap();
            let copy = StateDir::open(dir.path()).unwrap();
            for file in ["server.pem", "server.key"] {
                std::fs::copy(folder.root().join(file), copy.root().join(file)).unwrap();
            }
            let renewed = ca.server(&copy, &names, now + Duration::days(later));
            assert!(renewed.unwrap().renewed, "after {later} days");
        }
    }

    #[test]
    fn a_new_host_a_foreign_or_a_broken_file_makes_a_new_one() {
        let Bench { folder, ca, .. } = &bench();
        let now = clock::utc();
        ca.server(folder, &hosts(&["localhost"]), now).unwrap();
        let more = hosts(&["localhost", "10.0.0.7"]);
        assert!(ca.server(folder, &more, now).unwrap().renewed);
        assert!(
            !ca.server(folder, &hosts(&["localhost"]), now)
                .unwrap()
                .renewed
        );
        assert!(bench().ca.server(folder, &more, now).unwrap().renewed);
        std::fs::write(folder.server_certificate(), "nonsense").unwrap();
        assert!(ca.server(folder, &more, now).unwrap().renewed);
    }

    #[test]
    fn this_machine_is_at_least_localhost() {
        assert!(own_hosts().contains("localhost"));
        assert!(own_hosts().contains("127.0.0.1"));
    }
}
