//! Signatures of a request, for the fuzzer: none is right.

use axum::http::{HeaderMap, HeaderValue, Method};

use super::{ParsedSignature, Scope, Signed};

const SCOPE: Scope = Scope {
    region: "us-east-1",
    service: "kinesisvideo",
};

/// 2026-01-01, when the seeds were signed.
const NOW_S: i64 = 1_767_225_600;

/// An `Authorization` header.
pub(crate) fn header(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else {
        return;
    };
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("localhost"));
    headers.insert("x-amz-date", HeaderValue::from_static("20260101T000000Z"));
    headers.insert("authorization", value);
    if let Ok(signature) = ParsedSignature::from_header(&headers, SCOPE, NOW_S) {
        never_verified(&signature, &headers, "");
    }
}

/// The query of a presigned address.
pub(crate) fn query(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("localhost"));
    if let Ok(signature) = ParsedSignature::from_query(&text, SCOPE, NOW_S) {
        never_verified(&signature, &headers, &text);
    }
}

fn never_verified(signature: &ParsedSignature, headers: &HeaderMap, query: &str) {
    let request = Signed {
        method: &Method::GET,
        path: "/",
        query,
        headers,
        body: b"",
    };
    assert!(
        signature
            .verify("a secret that nobody knows", request)
            .is_err()
    );
}
