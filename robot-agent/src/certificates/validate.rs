//! Is this certificate good, at this time, with these CAs? Pure but for the computer's own
//! roots, which are read for servers of AWS.

use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

use super::finding::{CA_FILE, CERTIFICATE_FILE, Finding, Severity};

/// A certificate that runs out within this time deserves a warning at every start: an
/// owner looks at the log about once a month.
const EXPIRES_SOON: Duration = Duration::from_secs(30 * 24 * 3600);

/// Days are enough for a person.
const DAY: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute] UTC");

/// What is good to know about the robot's certificate.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) common_name: Option<String>,
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
}

/// The CAs that may sign servers.
///
/// # Errors
/// A finding if none of them is usable.
pub(super) fn root_store(
    cas: &[CertificateDer<'static>],
    aws: bool,
) -> Result<RootCertStore, Finding> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(cas.iter().cloned());
    if added == 0 {
        return Err(Finding::new(
            Severity::Unusable,
            format!("{CA_FILE} holds no usable CA certificate: copy it again"),
        ));
    }
    if aws {
        let own = rustls_native_certs::load_native_certs().certs;
        roots.add_parsable_certificates(own.into_iter().filter(|ca| is_amazon_root(ca)));
    }
    Ok(roots)
}

/// Whether `ca` is one of the roots that sign AWS' servers, by its own word: it comes from
/// the computer's trust store.
pub(crate) fn is_amazon_root(ca: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(ca).is_ok_and(|(_, ca)| {
        ca.subject().iter_organization().any(|organization| {
            organization
                .as_str()
                .is_ok_and(|name| name == "Amazon" || name.starts_with("Starfield Technologies"))
        })
    })
}

/// Judges the robot's certificate, the first of `chain`. Adds findings; what cannot be
/// read at all is the error.
pub(super) fn certificate(
    chain: &[CertificateDer<'static>],
    cas: Option<&[CertificateDer<'static>]>,
    now: OffsetDateTime,
    findings: &mut Vec<Finding>,
) -> Result<Facts, Finding> {
    let (_, leaf) = X509Certificate::from_der(&chain[0]).map_err(|error| {
        Finding::new(
            Severity::Unusable,
            format!("{CERTIFICATE_FILE} is damaged ({error}): copy it again"),
        )
    })?;
    let facts = Facts {
        common_name: leaf
            .subject()
            .iter_common_name()
            .next()
            .and_then(|name| name.as_str().ok())
            .map(str::to_owned),
        not_before: leaf.validity().not_before.to_datetime(),
        not_after: leaf.validity().not_after.to_datetime(),
    };
    findings.extend(validity(&facts, now));
    if leaf.is_ca() {
        findings.push(Finding::new(
            Severity::Warning,
            format!("{CERTIFICATE_FILE} is a CA's certificate: a robot needs one of its own"),
        ));
    }
    if let Some(cas) = cas {
        findings.extend(signature(&leaf, chain[1..].iter().chain(cas)));
    }
    Ok(facts)
}

fn validity(facts: &Facts, now: OffsetDateTime) -> Option<Finding> {
    let finding = |severity, text| Some(Finding::new(severity, text));
    let (from, until) = (day(facts.not_before), day(facts.not_after));
    if now > facts.not_after {
        finding(
            Severity::Error,
            format!(
                "{CERTIFICATE_FILE} expired on {until}, and it is {} by this computer's clock: \
                 get a new one (robot-agent enroll --force)",
                day(now)
            ),
        )
    } else if now < facts.not_before {
        finding(
            Severity::Error,
            format!(
                "{CERTIFICATE_FILE} is not valid before {from}, and it is {} by this computer's \
                 clock: is the clock right?",
                day(now)
            ),
        )
    } else if now + EXPIRES_SOON > facts.not_after {
        finding(
            Severity::Warning,
            format!(
                "{CERTIFICATE_FILE} expires on {until}, within 30 days: get a new one in time \
                 (robot-agent enroll --force)"
            ),
        )
    } else {
        None
    }
}

/// Is it signed by one of `signers`? A CA that bears the issuer's name but did not sign is
/// a sure sign of mixed-up files. A CA that is not there at all may be right: with AWS,
/// `cacert.pem` holds the roots of the servers, and another CA signs the robots.
fn signature<'a>(
    leaf: &X509Certificate<'_>,
    signers: impl Iterator<Item = &'a CertificateDer<'static>>,
) -> Option<Finding> {
    let mut namesake = false;
    let mut amazon = false;
    for der in signers {
        amazon |= is_amazon_root(der);
        let Ok((_, ca)) = X509Certificate::from_der(der) else {
            continue;
        };
        if ca.subject() != leaf.issuer() {
            continue;
        }
        if leaf.verify_signature(Some(ca.public_key())).is_ok() {
            return None;
        }
        namesake = true;
    }
    let issuer = name(leaf.issuer());
    Some(if namesake {
        Finding::new(
            Severity::Unusable,
            format!(
                "{CERTIFICATE_FILE} is not signed by the CA in {CA_FILE}, though that bears the \
                 issuer's name ({issuer}): the files come from different servers"
            ),
        )
    } else if amazon {
        Finding::new(
            Severity::Note,
            format!(
                "{CERTIFICATE_FILE} is signed by {issuer}, which is not in {CA_FILE}: as it \
                 should be with AWS, where that file holds the servers' roots"
            ),
        )
    } else {
        Finding::new(
            Severity::Warning,
            format!(
                "{CERTIFICATE_FILE} is not signed by the CA in {CA_FILE} but by {issuer}: a \
                 ground station will refuse it"
            ),
        )
    })
}

fn name(name: &X509Name<'_>) -> String {
    name.iter_common_name()
        .chain(name.iter_organizational_unit())
        .chain(name.iter_organization())
        .find_map(|part| part.as_str().ok())
        .map_or_else(|| format!("{name}"), |part| format!("{part:?}"))
}

fn day(at: OffsetDateTime) -> String {
    at.format(DAY).unwrap_or_else(|_| at.to_string())
}
