//! Vectors from the public documentation and AWS' published test suite, requests signed by
//! the official library, and every way to spoil them.

mod presigned;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::Method;
use axum::http::{HeaderValue, Request};
use wire::signaling::control::Credentials;

use super::*;
use crate::http::aws::authenticated::Form;
use crate::http::aws::official;

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const NOON: i64 = 1_440_938_160; // 20150830T123600Z
const IAM: Scope = Scope {
    region: "us-east-1",
    service: "iam",
};
const SUITE: Scope = Scope {
    region: "us-east-1",
    service: "service",
};
const KVS: Scope = Scope {
    region: "us-east-1",
    service: "kinesisvideo",
};

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn authorization(service: &str, signed_headers: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20150830/us-east-1/{service}/aws4_request, \
         SignedHeaders={signed_headers}, Signature={signature}"
    )
}

/// The example of the user guide: a GET that lists users.
fn documented() -> HeaderMap {
    headers(&[
        ("host", "iam.amazonaws.com"),
        (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        ),
        ("x-amz-date", "20150830T123600Z"),
        (
            "authorization",
            &authorization(
                "iam",
                "content-type;host;x-amz-date",
                "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ),
    ])
}

fn list_users(headers: &HeaderMap) -> Signed<'_> {
    Signed {
        method: &Method::GET,
        path: "/",
        query: "Action=ListUsers&Version=2010-05-08",
        headers,
        body: b"",
    }
}

#[test]
fn the_documented_example_verifies() {
    let headers = documented();
    let signature = ParsedSignature::from_header(&headers, IAM, NOON).unwrap();
    assert_eq!(signature.access_key_id, KEY);
    signature.verify(SECRET, list_users(&headers)).unwrap();
}

#[test]
fn the_published_suite_verifies() {
    let get_vanilla = headers(&[
        ("host", "example.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
        (
            "authorization",
            &authorization(
                "service",
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
        ),
    ]);
    let signed = Signed {
        method: &Method::GET,
        path: "/",
        query: "",
        headers: &get_vanilla,
        body: b"",
    };
    let signature = ParsedSignature::from_header(&get_vanilla, SUITE, NOON).unwrap();
    signature.verify(SECRET, signed).unwrap();

    let query_order = headers(&[
        ("host", "example.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
        (
            "authorization",
            &authorization(
                "service",
                "host;x-amz-date",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
        ),
    ]);
    let signed = Signed {
        query: "Param2=value2&Param1=value1",
        headers: &query_order,
        ..signed
    };
    let signature = ParsedSignature::from_header(&query_order, SUITE, NOON).unwrap();
    signature.verify(SECRET, signed).unwrap();
}

/// A call as Amazon's SDK in C makes it, which adds the session token once it has signed.
#[test]
fn a_session_token_that_was_added_after_signing_is_taken() {
    let c_sdk = headers(&[
        ("host", "localhost"),
        ("content-length", "27"),
        ("content-type", "application/json"),
        (
            "user-agent",
            "AWS-SDK-KVS/2.1.0 GCC/6.4.0 Linux/4.1.0 armv7l",
        ),
        ("x-amz-date", "20150830T123600Z"),
        (
            "authorization",
            &authorization(
                "kinesisvideo",
                "host;user-agent;x-amz-date",
                "53140c8bd00bc832a1e509752d78d37d1192d79908d71bb8b1a293c4f24d088c",
            ),
        ),
        ("x-amz-security-token", "token"),
    ]);
    let signed = Signed {
        method: &Method::POST,
        path: "/describeSignalingChannel",
        query: "",
        headers: &c_sdk,
        body: b"{\n\t\"ChannelName\": \"rover\"\n}",
    };
    let signature = ParsedSignature::from_header(&c_sdk, KVS, NOON).unwrap();
    assert_eq!(signature.session_token.as_deref(), Some("token"));
    signature.verify(SECRET, signed).unwrap();
    // Another token belongs to another secret.
    assert!(signature.verify("another secret", signed).is_err());
}

#[test]
fn a_change_of_anything_under_the_signature_spoils_it() {
    let good = documented();
    let spoiled = |change: &dyn Fn(&mut HeaderMap)| {
        let mut headers = good.clone();
        change(&mut headers);
        headers
    };
    let other_host = spoiled(&|h| {
        h.insert("host", HeaderValue::from_static("evil.example"));
    });
    let no_type = spoiled(&|h| {
        h.remove("content-type");
    });
    let two_types = spoiled(&|h| {
        h.append("content-type", HeaderValue::from_static("text/plain"));
    });
    let added = spoiled(&|h| {
        h.insert("x-amz-acl", HeaderValue::from_static("public-read"));
    });
    let wrong_hash = spoiled(&|h| {
        h.insert("x-amz-content-sha256", HeaderValue::from_static("00"));
    });
    for headers in [&other_host, &no_type, &two_types, &added, &wrong_hash] {
        let signature = ParsedSignature::from_header(headers, IAM, NOON).unwrap();
        let refusal = signature.verify(SECRET, list_users(headers)).unwrap_err();
        assert_eq!(
            refusal.name(),
            Some("InvalidSignatureException"),
            "{headers:?}"
        );
    }
    let signature = ParsedSignature::from_header(&good, IAM, NOON).unwrap();
    let signed = list_users(&good);
    for changed in [
        Signed {
            method: &Method::POST,
            ..signed
        },
        Signed {
            path: "/other",
            ..signed
        },
        Signed {
            query: "Action=DeleteUser&Version=2010-05-08",
            ..signed
        },
        Signed {
            body: b"x",
            ..signed
        },
    ] {
        assert!(signature.verify(SECRET, changed).is_err(), "{changed:?}");
    }
    assert!(signature.verify("another secret", signed).is_err());
}

#[test]
fn the_scope_must_be_ours() {
    let headers = documented();
    for wrong in [
        Scope {
            region: "eu-west-1",
            ..IAM
        },
        Scope {
            service: "kinesisvideo",
            ..IAM
        },
    ] {
        let refusal = ParsedSignature::from_header(&headers, wrong, NOON).unwrap_err();
        assert!(refusal.message.contains("scoped to"), "{refusal}");
    }
}

#[test]
fn five_minutes_of_skew_are_forgiven_and_a_second_more_is_not() {
    let headers = documented();
    for forgiven in [NOON - 300, NOON, NOON + 300] {
        assert!(ParsedSignature::from_header(&headers, IAM, forgiven).is_ok());
    }
    let early = ParsedSignature::from_header(&headers, IAM, NOON - 301).unwrap_err();
    assert!(
        early.message.starts_with("Signature not yet current"),
        "{early}"
    );
    let late = ParsedSignature::from_header(&headers, IAM, NOON + 301).unwrap_err();
    assert!(late.message.starts_with("Signature expired"), "{late}");
}

#[test]
fn a_malformed_authorization_is_named_not_guessed_at() {
    let without = |part: &str| {
        let mut headers = documented();
        let value = headers["authorization"]
            .to_str()
            .unwrap()
            .replace(part, "X=");
        headers.insert("authorization", HeaderValue::from_str(&value).unwrap());
        headers
    };
    let mut unsigned = documented();
    unsigned.remove("authorization");
    let mut basic = documented();
    basic.insert("authorization", HeaderValue::from_static("Basic eA=="));
    let mut undated = documented();
    undated.remove("x-amz-date");
    let mut two_dates = documented();
    two_dates.append("x-amz-date", HeaderValue::from_static("20150830T123600Z"));
    for (headers, kind) in [
        (unsigned, "MissingAuthenticationTokenException"),
        (basic, "IncompleteSignatureException"),
        (undated, "IncompleteSignatureException"),
        (two_dates, "IncompleteSignatureException"),
        (without("Credential="), "IncompleteSignatureException"),
        (without("SignedHeaders="), "IncompleteSignatureException"),
        (without("Signature="), "IncompleteSignatureException"),
        (without("host;"), "InvalidSignatureException"),
        (without("5d672d79"), "IncompleteSignatureException"),
    ] {
        let refusal = ParsedSignature::from_header(&headers, IAM, NOON).unwrap_err();
        assert_eq!(refusal.name(), Some(kind), "{headers:?}: {refusal}");
    }
}

fn credentials() -> Credentials {
    Credentials {
        access_key_id: KEY.into(),
        secret_access_key: SECRET.into(),
        session_token: "tok/en+==".into(),
        expiration: String::new(),
    }
}

fn at(unix_s: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(unix_s.unsigned_abs())
}

#[test]
fn a_call_signed_by_the_official_library_verifies() {
    let mut request = Request::post("https://localhost:8443/describeSignalingChannel")
        .header("content-type", "application/json")
        .body(&br#"{"ChannelName":"rover"}"#[..])
        .unwrap();
    official::sign(&mut request, &credentials(), KVS, at(NOON), Form::Header);
    let signed = Signed {
        method: request.method(),
        path: request.uri().path(),
        query: "",
        headers: request.headers(),
        body: request.body(),
    };
    let signature = ParsedSignature::from_header(request.headers(), KVS, NOON).unwrap();
    assert_eq!(signature.session_token.as_deref(), Some("tok/en+=="));
    signature.verify(SECRET, signed).unwrap();
    assert!(
        signature
            .verify(
                SECRET,
                Signed {
                    body: b"{}",
                    ..signed
                }
            )
            .is_err()
    );
}

proptest::proptest! {
    #[test]
    fn no_query_and_no_header_panics(text in ".{0,200}") {
        let _ = ParsedSignature::from_query(&text, KVS, NOON);
        let _ = ParsedSignature::from_query(&format!("X-Amz-Algorithm={ALGORITHM}&X-Amz-Date={text}"), KVS, NOON);
        if let Ok(value) = HeaderValue::from_str(&format!("{ALGORITHM} {text}")) {
            let mut headers = documented();
            headers.insert("authorization", value);
            let _ = ParsedSignature::from_header(&headers, IAM, NOON);
        }
    }
}
