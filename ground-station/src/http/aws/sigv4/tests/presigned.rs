//! The presigned form, as the sockets use it.

use super::*;

/// A socket URL presigned by the official library, and its host.
fn presigned() -> Request<&'static [u8]> {
    let mut request = Request::get(
        "wss://localhost:8443/?X-Amz-ChannelARN=arn%3Aaws%3Akinesisvideo%3Aus-east-1%3A1%3Achannel%2Frover%2F1&X-Amz-ClientId=viewer-1",
    )
    .body(&b""[..])
    .unwrap();
    official::sign(&mut request, &credentials(), KVS, at(NOON), Form::Query);
    request
}

#[test]
fn a_socket_presigned_by_the_official_library_verifies() {
    let request = presigned();
    let query = request.uri().query().unwrap();
    let signature = ParsedSignature::from_query(query, KVS, NOON).unwrap();
    assert_eq!(signature.session_token.as_deref(), Some("tok/en+=="));
    let signed = Signed {
        method: request.method(),
        path: request.uri().path(),
        query,
        headers: request.headers(),
        body: b"",
    };
    signature.verify(SECRET, signed).unwrap();

    let reversed: Vec<&str> = query.split('&').rev().collect();
    let reversed = reversed.join("&");
    signature
        .verify(
            SECRET,
            Signed {
                query: &reversed,
                ..signed
            },
        )
        .unwrap();

    let other_client = query.replace("viewer-1", "viewer-2");
    assert!(
        signature
            .verify(
                SECRET,
                Signed {
                    query: &other_client,
                    ..signed
                }
            )
            .is_err()
    );
    let other_token: Vec<&str> = query
        .split('&')
        .filter(|p| !p.starts_with("X-Amz-Security-Token"))
        .collect();
    let other_token = other_token.join("&");
    assert!(
        signature
            .verify(
                SECRET,
                Signed {
                    query: &other_token,
                    ..signed
                }
            )
            .is_err()
    );
}

#[test]
fn a_presigned_socket_expires() {
    let request = presigned();
    let query = request.uri().query().unwrap();
    assert!(ParsedSignature::from_query(query, KVS, NOON + 299).is_ok());
    let late = ParsedSignature::from_query(query, KVS, NOON + 300).unwrap_err();
    assert!(late.message.starts_with("Signature expired"), "{late}");
    let early = ParsedSignature::from_query(query, KVS, NOON - 301).unwrap_err();
    assert!(
        early.message.starts_with("Signature not yet current"),
        "{early}"
    );
    for expires in ["0", "-1", "604801", "soon", ""] {
        let query = query.replace("X-Amz-Expires=299", &format!("X-Amz-Expires={expires}"));
        assert!(
            ParsedSignature::from_query(&query, KVS, NOON).is_err(),
            "{expires}"
        );
    }
}

#[test]
fn a_query_that_can_be_read_in_two_ways_is_refused() {
    let request = presigned();
    let query = request.uri().query().unwrap();
    for doubled in [
        "X-Amz-Expires=299",
        "X-Amz-ChannelARN=x",
        "X%2DAmz%2DDate=x",
    ] {
        let query = format!("{query}&{doubled}");
        assert!(
            ParsedSignature::from_query(&query, KVS, NOON).is_err(),
            "{doubled}"
        );
    }
    for broken in ["%", "%4", "%zz", "%ff"] {
        let query = format!("{query}&a={broken}");
        assert!(
            ParsedSignature::from_query(&query, KVS, NOON).is_err(),
            "{broken}"
        );
    }
}
