//! Whether a certificate signing request may be signed, and for whom. Pure.
//!
//! From the request only the public key is taken; the name comes from whoever asks.

use crate::store::RobotScope;
use rcgen::SubjectPublicKeyInfo;
use wire::topic::check_robot_name;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_PKCS1_RSASSAPSS};
use x509_parser::prelude::{FromDer, X509Error};
use x509_parser::public_key::PublicKey;

/// The largest request worth reading: a 4096 bit RSA request is about 1,700 bytes of PEM.
pub const MAX_BYTES: usize = 8 * 1024;

/// Smaller RSA keys are not worth the name since 2013 (NIST SP 800-131A).
const RSA_BITS_MIN: usize = 2048;

/// Larger RSA keys take a Pi seconds per connection, and a verifier's time is ours.
const RSA_BITS_MAX: usize = 8192;

/// A request that may be signed.
#[derive(Debug)]
pub struct Accepted {
    pub name: String,
    pub public_key: SubjectPublicKeyInfo,
}

/// Why a request is not signed, in words for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    #[error("a certificate signing request has at most {MAX_BYTES} bytes, this has {0}")]
    TooLong(usize),
    #[error(
        "not a PEM text that starts with -----BEGIN CERTIFICATE REQUEST-----; `openssl req -new` makes one"
    )]
    NotPem,
    #[error("this is a PEM text with {0}, not with a CERTIFICATE REQUEST")]
    OtherPem(String),
    #[error("the certificate signing request cannot be read: {0}")]
    Unreadable(String),
    /// The asker does not have the key, or somebody changed the request.
    #[error("the signature of the request does not match its public key")]
    Signature,
    /// A signature that cannot be checked.
    #[error("the request is signed with {0}, which is not known here: sign it with SHA-256")]
    Algorithm(String),
    /// A key that is too weak or unknown here.
    #[error("the key is {0}: it must be EC P-256, EC P-384, Ed25519, or RSA of 2048 to 8192 bits")]
    Key(String),
    /// A name that is not the asker's.
    #[error("the request is for {found:?}, this API key signs for {allowed}")]
    Name {
        found: String,
        /// Whose requests the asker may have signed.
        allowed: String,
    },
    /// Several robots, none named.
    #[error("this API key signs for {0}: the request must say which by its common name")]
    Unnamed(String),
}

/// Checks a request in PEM that somebody who may sign for `robots` has sent.
pub fn check(pem: &str, robots: &RobotScope) -> Result<Accepted, Unsignable> {
    if pem.len() > MAX_BYTES {
        return Err(Unsignable::TooLong(pem.len()));
    }
    let (_, block) =
        x509_parser::pem::parse_x509_pem(pem.as_bytes()).map_err(|_| Unsignable::NotPem)?;
    // Older OpenSSL and Windows say NEW.
    if !["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"].contains(&block.label.as_str()) {
        return Err(Unsignable::OtherPem(article(&block.label)));
    }
    let (rest, request) = X509CertificationRequest::from_der(&block.contents)
        .map_err(|error| Unsignable::Unreadable(error.to_string()))?;
    if !rest.is_empty() {
        return Err(Unsignable::Unreadable(
            "there is more after its end".to_owned(),
        ));
    }
    let public_key = check_key(&request)?;
    let algorithm = &request.signature_algorithm.algorithm;
    request.verify_signature().map_err(|error| match error {
        // A good signature with an unusual salt fails too.
        X509Error::SignatureVerificationError if *algorithm != OID_PKCS1_RSASSAPSS => {
            Unsignable::Signature
        }
        _ => Unsignable::Algorithm(algorithm.to_id_string()),
    })?;
    Ok(Accepted {
        name: check_name(&request, robots)?,
        public_key,
    })
}

fn check_key(request: &X509CertificationRequest<'_>) -> Result<SubjectPublicKeyInfo, Unsignable> {
    let info = &request.certification_request_info.subject_pki;
    let bad = |what: String| Err(Unsignable::Key(what));
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&rsa.key_size()) => {
            return bad(format!("RSA of {} bits", rsa.key_size()));
        }
        Ok(PublicKey::RSA(_)) => {}
        Ok(PublicKey::EC(_)) => {
            let curve = info
                .algorithm
                .parameters
                .as_ref()
                .and_then(|p| p.as_oid().ok());
            if ![Some(OID_EC_P256), Some(OID_NIST_EC_P384)].contains(&curve) {
                return bad(match curve {
                    Some(curve) => format!("on the elliptic curve {curve}"),
                    None => "on an unnamed elliptic curve".to_owned(),
                });
            }
        }
        // x509-parser has no variant for Ed25519; its name is the algorithm's.
        Ok(PublicKey::Unknown(_)) if info.algorithm.algorithm.to_id_string() == "1.3.101.112" => {}
        Ok(_) => return bad(format!("of the kind {}", info.algorithm.algorithm)),
        Err(error) => return bad(format!("unreadable ({error})")),
    }
    SubjectPublicKeyInfo::from_der(info.raw)
        .or_else(|_| bad(format!("of the kind {}", info.algorithm.algorithm)))
}

fn check_name(
    request: &X509CertificationRequest<'_>,
    robots: &RobotScope,
) -> Result<String, Unsignable> {
    let subject = &request.certification_request_info.subject;
    let asked: Vec<&str> = subject
        .iter_common_name()
        .map(|name| name.as_str().unwrap_or(""))
        .filter(|name| !name.is_empty())
        .collect();
    let RobotScope::Only(own) = robots else {
        return Err(Unsignable::Unnamed("no particular robot".to_owned()));
    };
    let allowed = own
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match asked.as_slice() {
        [] if own.len() == 1 => Ok(own.iter().next().cloned().unwrap_or_default()),
        [] => Err(Unsignable::Unnamed(allowed)),
        [name] if own.contains(*name) && check_robot_name(name).is_ok() => Ok((*name).to_owned()),
        names => Err(Unsignable::Name {
            found: names.join(", "),
            allowed,
        }),
    }
}

fn article(label: &str) -> String {
    let vowel = label.starts_with(['A', 'E', 'I', 'O', 'U']);
    format!("{} {label}", if vowel { "an" } else { "a" })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests made with OpenSSL 3.
    macro_rules! request {
        ($name:literal) => {
            include_str!(concat!("../../tests/requests/", $name, ".csr"))
        };
    }

    fn rover() -> RobotScope {
        vec!["rover".to_owned()].into()
    }

    fn refused(pem: &str, robots: &RobotScope) -> String {
        check(pem, robots).unwrap_err().to_string()
    }

    #[test]
    fn every_kind_of_key_that_a_broker_takes_is_signed() {
        for pem in [
            request!("p-256"),
            request!("p-256-sha384"),
            request!("p-384"),
            request!("ed25519"),
            request!("rsa-2048"),
            request!("rsa-2048-sha512"),
            request!("rsa-4096"),
        ] {
            assert_eq!(check(pem, &rover()).unwrap().name, "rover");
        }
    }

    #[test]
    fn weak_and_unknown_keys_are_named() {
        for (pem, named) in [
            (request!("rsa-1024"), "RSA of 1024 bits"),
            (request!("secp256k1"), "1.3.132.0.10"),
            (request!("p-521"), "1.3.132.0.35"),
            (request!("p-224"), "1.3.132.0.33"),
            (request!("ed448"), "1.3.101.113"),
        ] {
            let reason = refused(pem, &rover());
            assert!(reason.contains(named), "{reason}");
            assert!(reason.contains("must be EC P-256"), "{reason}");
        }
    }

    #[test]
    fn a_signature_that_cannot_be_checked_is_not_called_wrong() {
        let reason = refused(request!("rsa-pss-signature"), &rover());
        assert!(reason.contains("sign it with SHA-256"), "{reason}");
    }

    #[test]
    fn the_name_is_the_askers_or_absent() {
        let two: RobotScope = vec!["rover".to_owned(), "scout".to_owned()].into();
        assert_eq!(check(request!("no-name"), &rover()).unwrap().name, "rover");
        assert_eq!(check(request!("other-name"), &two).unwrap().name, "scout");
        for (pem, robots, said) in [
            (request!("other-name"), &rover(), "\"scout\""),
            (request!("two-names"), &two, "\"rover, scout\""),
            (request!("no-name"), &two, "must say which"),
            (request!("p-256"), &RobotScope::All, "no particular robot"),
        ] {
            let reason = refused(pem, robots);
            assert!(reason.contains(said), "{reason}");
        }
    }

    #[test]
    fn a_request_that_was_changed_is_refused() {
        let (_, block) = x509_parser::pem::parse_x509_pem(request!("p-256").as_bytes()).unwrap();
        let name = block.contents.windows(5).position(|five| five == b"rover");
        let mut changed = block.contents;
        changed[name.unwrap()] = b'R';
        let pem = pem_of("CERTIFICATE REQUEST", &changed);
        let robots: RobotScope = vec!["Rover".to_owned()].into();
        assert_eq!(check(&pem, &robots).unwrap_err(), Unsignable::Signature);
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        let good = request!("p-256");
        let (_, block) = x509_parser::pem::parse_x509_pem(good.as_bytes()).unwrap();
        let der = block.contents;
        let mut longer = der.clone();
        longer.push(0);
        for (pem, said) in [
            ("", "BEGIN CERTIFICATE REQUEST"),
            ("hello", "BEGIN CERTIFICATE REQUEST"),
            (&good[..200], "BEGIN CERTIFICATE REQUEST"),
            (&pem_of("CERTIFICATE", &der), "a CERTIFICATE,"),
            (&pem_of("EC PRIVATE KEY", &der), "an EC PRIVATE KEY,"),
            (&pem_of("CERTIFICATE REQUEST", &der[..50]), "cannot be read"),
            (
                &pem_of("CERTIFICATE REQUEST", &longer),
                "more after its end",
            ),
            (&"x".repeat(MAX_BYTES + 1), "at most 8192 bytes"),
        ] {
            let reason = refused(pem, &rover());
            assert!(reason.contains(said), "{reason}");
        }
        assert!(check(&pem_of("NEW CERTIFICATE REQUEST", &der), &rover()).is_ok());
    }

    #[test]
    fn nothing_of_a_request_but_its_key_gets_into_the_certificate() {
        use crate::{ca::Ca, clock, state_dir::StateDir};
        let dir = tempfile::tempdir().unwrap();
        let ca = Ca::open(&StateDir::open(dir.path()).unwrap(), clock::utc()).unwrap();
        let asked = check(request!("ca-wanted"), &rover()).unwrap();
        let issued = ca
            .issue_client(&asked.name, &asked.public_key, clock::utc())
            .unwrap();
        let (_, block) = x509_parser::pem::parse_x509_pem(issued.pem.as_bytes()).unwrap();
        let certificate = block.parse_x509().unwrap();
        assert!(!certificate.is_ca());
        assert!(certificate.subject_alternative_name().unwrap().is_none());
        assert_eq!(certificate.subject().to_string(), "CN=rover");
    }

    proptest::proptest! {
        #[test]
        fn no_request_panics(der in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = check(&pem_of("CERTIFICATE REQUEST", &der), &rover());
        }

        #[test]
        fn no_damaged_request_is_signed_for_another_key(at in 0usize..300, bit in 0u8..8) {
            let (_, block) = x509_parser::pem::parse_x509_pem(request!("p-256").as_bytes()).unwrap();
            let whole = check(request!("p-256"), &rover()).unwrap().public_key;
            let mut der = block.contents;
            let at = at % der.len();
            der[at] ^= 1 << bit;
            if let Ok(accepted) = check(&pem_of("CERTIFICATE REQUEST", &der), &rover()) {
                proptest::prop_assert_eq!(accepted.public_key, whole);
            }
        }
    }

    fn pem_of(label: &str, der: &[u8]) -> String {
        use base64::prelude::*;
        let lines = BASE64_STANDARD.encode(der);
        let lines: Vec<_> = lines
            .as_bytes()
            .chunks(64)
            .map(|l| String::from_utf8_lossy(l))
            .collect();
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            lines.join("\n")
        )
    }
}
