//! The list of revoked certificates, as a TLS server wants it.

use super::Ca;
use crate::hex;
use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};
use std::collections::BTreeMap;
use time::{Duration, OffsetDateTime};

/// OpenSSL refuses everybody once the list itself has expired. The list is written anew at
/// every start and every change, so its expiry would only ever be a trap.
const LIST_YEARS: i64 = 30;

impl Ca {
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
