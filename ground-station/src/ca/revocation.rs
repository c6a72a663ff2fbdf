//! The list of revoked certificates, as a TLS server wants it.

use super::Ca;
use crate::hex;
use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};
use std::collections::{BTreeMap, BTreeSet};
use time::{Duration, OffsetDateTime};

/// OpenSSL refuses everybody once the list itself has expired. The list is looked at at every start
/// of the broker and every change, so its expiry would only ever be a trap.
const LIST_YEARS: i64 = 30;

/// A list that does not last so much longer is written anew.
const KEPT_YEARS: i64 = 20;

impl Ca {
    /// Whether `pem` is a list of ours of exactly these certificates.
    pub fn is_revocation_list(
        &self,
        pem: &[u8],
        revoked: &BTreeMap<String, u64>,
        now: OffsetDateTime,
    ) -> bool {
        let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(pem) else {
            return false;
        };
        let Ok((_, list)) = x509_parser::parse_x509_crl(&pem.contents) else {
            return false;
        };
        let Ok((_, authority)) = x509_parser::parse_x509_certificate(&self.der) else {
            return false;
        };
        let serials = list
            .iter_revoked_certificates()
            .map(|entry| hex::encode(entry.raw_serial()));
        let lasts = now + Duration::days(365 * KEPT_YEARS);
        list.verify_signature(authority.public_key()).is_ok()
            && list.last_update().to_datetime() == self.not_before
            && list
                .next_update()
                .is_some_and(|end| end.to_datetime() > lasts)
            && serials.collect::<BTreeSet<_>>() == revoked.keys().cloned().collect()
    }

    /// The list of revoked certificates (serial number in hexadecimal → Unix seconds).
    pub fn revocation_list(
        &self,
        revoked: &BTreeMap<String, u64>,
        now: OffsetDateTime,
    ) -> anyhow::Result<String> {
        let revoked_certs = revoked
            .iter()
            .map(|(serial, revoked_s)| {
                let serial = hex::decode(serial).ok_or_else(|| {
                    anyhow::anyhow!("serial number {serial:?} is not hexadecimal")
                })?;
                Ok(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&serial),
                    revocation_time: OffsetDateTime::from_unix_timestamp(*revoked_s as i64)?,
                    reason_code: None,
                    invalidity_date: None,
                })
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let list = CertificateRevocationListParams {
            // As old as the CA: a list from the future counts for nothing, and the clock of
            // the machine may have been set back since.
            this_update: self.not_before,
            next_update: now + Duration::days(365 * LIST_YEARS),
            crl_number: SerialNumber::from(revoked.len() as u64 + 1),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)?;
        Ok(list.pem()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::state_dir::StateDir;

    #[test]
    fn a_list_is_known_again_until_somebody_else_is_revoked_or_it_grows_old() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let open = |dir: &tempfile::TempDir| {
            Ca::open(&StateDir::open(dir.path()).unwrap(), clock::utc()).unwrap()
        };
        let (ca, now) = (open(&dir), clock::utc());
        for serials in [&[][..], &["4a01"], &["4a01", "7f02"]] {
            let revoked = serials
                .iter()
                .map(|serial| ((*serial).to_owned(), 7))
                .collect();
            let list = ca.revocation_list(&revoked, now).unwrap();
            let is_list =
                |ca: &Ca, revoked, now| ca.is_revocation_list(list.as_bytes(), revoked, now);
            assert!(is_list(&ca, &revoked, now));
            assert!(is_list(&ca, &revoked, now + Duration::days(3600)));
            assert!(!is_list(&ca, &revoked, now + Duration::days(3700)));
            assert!(!is_list(&open(&other), &revoked, now));
            let mut more = revoked.clone();
            more.insert("4b03".to_owned(), 7);
            assert!(!is_list(&ca, &more, now));
        }
        assert!(!ca.is_revocation_list(b"", &BTreeMap::new(), now));
    }
}
