//! Whether a certificate signing request may be signed, and for whom. Pure.
//!
//! From the request only the public key is taken; the name comes from whoever asks.

use crate::store::Robots;
use rcgen::SubjectPublicKeyInfo;
use wire::topic::check_robot_name;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384};
use x509_parser::prelude::FromDer;
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
    /// Whom the certificate is for.
    pub name: String,
    /// The key it is for.
    pub public_key: SubjectPublicKeyInfo,
}

/// Why a request is not signed, in words for whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// Too long to be one.
    #[error("a certificate signing request has at most {MAX_BYTES} bytes, this has {0}")]
    TooLong(usize),
    /// Not PEM.
    #[error(
        "not a PEM text that starts with -----BEGIN CERTIFICATE REQUEST-----; `openssl req -new` makes one"
    )]
    NotPem,
    /// PEM of something else.
    #[error("this is a PEM text with {0}, not with a CERTIFICATE REQUEST")]
    OtherPem(String),
    /// PEM of nothing.
    #[error("the certificate signing request cannot be read: {0}")]
    Unreadable(String),
    /// The asker does not have the key, or somebody changed the request.
    #[error("the signature of the request does not match its public key")]
    Signature,
    /// A key that is too weak or unknown here.
    #[error("the key is {0}: it must be EC P-256, EC P-384, Ed25519, or RSA of 2048 to 8192 bits")]
    Key(String),
    /// A name that is not the asker's.
    #[error("the request is for {found:?}, this API key signs for {allowed}")]
    Name {
        /// The name in the request.
        found: String,
        /// Whose requests the asker may have signed.
        allowed: String,
    },
    /// Several robots, none named.
    #[error("this API key signs for {0}: the request must say which by its common name")]
    Unnamed(String),
}

/// Checks a request in PEM that somebody who may sign for `robots` has sent.
///
/// # Errors
/// [`Unsignable`] with what is wrong and what would be right.
pub fn check(pem: &str, robots: &Robots) -> Result<Accepted, Unsignable> {
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
    request
        .verify_signature()
        .map_err(|_| Unsignable::Signature)?;
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
    robots: &Robots,
) -> Result<String, Unsignable> {
    let subject = &request.certification_request_info.subject;
    let asked: Vec<&str> = subject
        .iter_common_name()
        .map(|name| name.as_str().unwrap_or(""))
        .filter(|name| !name.is_empty())
        .collect();
    let Robots::Only(own) = robots else {
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
