//! What others may send, for the fuzzer: each function takes any bytes, and panics where a promise is broken.

use crate::http::aws::sigv4::fuzzing;

/// The `Authorization` header of an AWS request.
pub fn signature_header(data: &[u8]) {
    fuzzing::header(data);
}

/// The query of a presigned AWS request.
pub fn signature_query(data: &[u8]) {
    fuzzing::query(data);
}

/// A certificate signing request, in PEM or as what PEM would hold.
pub fn signing_request(data: &[u8]) {
    let robots = crate::store::RobotScope::All;
    let der = pem(data);
    for text in [String::from_utf8_lossy(data).as_ref(), &der] {
        if let Ok(accepted) = crate::ca::request::check(text, &robots) {
            assert!(
                wire::topic::check_robot_name(&accepted.name).is_ok(),
                "{}",
                accepted.name
            );
        }
    }
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{text}\n-----END CERTIFICATE REQUEST-----\n")
}

#[cfg(test)]
mod tests {
    use fuzz_inputs::short;

    #[test]
    fn no_input_breaks_a_promise() {
        short("signing_request", super::signing_request);
        short("signature_header", super::signature_header);
        short("signature_query", super::signature_query);
    }
}
