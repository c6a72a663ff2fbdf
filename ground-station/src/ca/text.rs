//! A certificate in words, the `crt_text` of the answer of `/sign`.

use x509_parser::prelude::*;

/// The certificate's fields, one a line, in the manner of `openssl x509 -text`.
pub fn describe(pem: &str) -> String {
    let Ok((_, block)) = parse_x509_pem(pem.as_bytes()) else {
        return String::new();
    };
    let Ok(certificate) = block.parse_x509() else {
        return String::new();
    };
    let key = certificate.public_key();
    let kind = match key.parsed() {
        Ok(x509_parser::public_key::PublicKey::RSA(rsa)) => format!("RSA, {} bit", rsa.key_size()),
        Ok(x509_parser::public_key::PublicKey::EC(point)) => {
            format!("EC, {} bit", point.key_size())
        }
        _ => key.algorithm.algorithm.to_id_string(),
    };
    format!(
        "Certificate:\n    Serial Number: {}\n    Issuer: {}\n    Validity\n        Not Before: {}\n        Not After : {}\n    Subject: {}\n    Public Key: {}\n",
        certificate.raw_serial_as_string(),
        certificate.issuer(),
        certificate.validity().not_before,
        certificate.validity().not_after,
        certificate.subject(),
        kind,
    )
}
