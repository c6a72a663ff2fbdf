use super::control::*;
use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn examples() -> Value {
    serde_json::from_str(include_str!("../../examples/signaling.json")).unwrap()
}

fn each(of: &str) -> Vec<Value> {
    examples()[of].as_array().expect(of).clone()
}

#[test]
fn every_client_frame_is_read_in_either_casing_and_written_in_camel_case() {
    for example in each("to_service") {
        let frame = example["frame"].to_string();
        let read = ToService::from_json(&frame).unwrap_or_else(|e| panic!("{frame}: {e}"));
        let written: Value = serde_json::from_str(&read.to_json()).unwrap();
        assert_eq!(written, example["written"], "{frame}");
    }
}

#[test]
fn every_service_frame_is_read_and_written_as_documented() {
    for example in each("from_service") {
        let frame = example["frame"].to_string();
        let read = FromService::from_json(&frame).unwrap().expect("not empty");
        let written: Value = serde_json::from_str(&read.to_json()).unwrap();
        assert_eq!(written, example["written"], "{frame}");
    }
}

#[test]
fn every_refused_frame_is_refused() {
    for frame in each("refused_to_service") {
        let frame = frame.as_str().unwrap();
        assert!(ToService::from_json(frame).is_err(), "{frame}");
    }
}

#[test]
fn an_empty_frame_means_nothing() {
    for frame in ["", " ", "\r\n"] {
        assert_eq!(FromService::from_json(frame), Ok(None));
    }
}

#[test]
fn an_unknown_message_type_is_no_error() {
    let frame = r#"{"messageType":"SOMETHING_NEW","messagePayload":"","senderClientId":null}"#;
    assert_eq!(
        FromService::from_json(frame),
        Ok(Some(FromService::bare(MessageType::Unknown)))
    );
}

#[test]
fn every_call_has_its_documented_shape() {
    same::<RoleAliasCredentials>("credentials");
    same::<CreateChannel>("create_request");
    same::<CreatedChannel>("create_answer");
    same::<DescribeChannel>("describe_request");
    same::<DescribedChannel>("describe_answer");
    same::<GetEndpoint>("endpoint_request");
    same::<Endpoints>("endpoint_answer");
    same::<GetIceServers>("ice_request");
    same::<IceServers>("ice_answer");
}

fn same<T: serde::de::DeserializeOwned + Serialize>(name: &str) {
    let example = examples()["calls"][name].clone();
    assert!(!example.is_null(), "{name} is not among the examples");
    let read: T = serde_json::from_value(example.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(serde_json::to_value(&read).unwrap(), example, "{name}");
}

#[test]
fn an_error_is_named_whatever_stands_around_its_name() {
    for raw in [
        "ResourceNotFoundException",
        "ResourceNotFoundException:http://internal.amazon.com/coral/x/",
        "com.amazonaws.kinesisvideo#ResourceNotFoundException",
        "aws.kinesisvideo#ResourceNotFoundException:http://x#y",
    ] {
        assert_eq!(error_name(raw), "ResourceNotFoundException", "{raw}");
    }
    for body in [r#"{"message":"m"}"#, r#"{"Message":"m"}"#] {
        let error: ErrorBody = serde_json::from_str(body).unwrap();
        assert_eq!(error.message.as_deref(), Some("m"));
    }
    let error: ErrorBody = serde_json::from_str(r#"{"__type":"a#B"}"#).unwrap();
    assert_eq!(error.kind.as_deref(), Some("a#B"));
}

#[test]
fn a_candidate_may_be_almost_empty() {
    for json in [
        r#"{"candidate":""}"#,
        r#"{"candidate":"","sdpMid":null,"sdpMLineIndex":null,"usernameFragment":null}"#,
    ] {
        let encoded = BASE64.encode(json);
        assert_eq!(
            decode_payload::<Candidate>(&encoded),
            Ok(Candidate::default())
        );
    }
}

#[test]
fn truncated_base64_is_refused_and_missing_padding_is_not() {
    let offer = Description {
        kind: "offer".into(),
        sdp: "v=0\r\n".into(),
        reason: None,
    };
    let encoded = encode_payload(&offer);
    assert_eq!(decode_payload::<Description>(&encoded), Ok(offer.clone()));
    assert_eq!(
        decode_payload::<Description>(encoded.trim_end_matches('=')),
        Ok(offer)
    );
    let cut = &encoded[..encoded.trim_end_matches('=').len() - 5];
    assert!(decode_payload::<Description>(cut).is_err());
    assert!(matches!(
        decode_payload::<Candidate>("%%%"),
        Err(Malformed::NotBase64(_))
    ));
}

#[test]
fn one_byte_past_a_limit_is_refused_and_the_limit_itself_is_not() {
    // Two quotes stand around them, and base64 makes four characters of three bytes.
    let payload =
        |longer: usize| encode_payload(&"x".repeat(MAX_PAYLOAD_BYTES / 4 * 3 - 2 + longer));
    assert_eq!(payload(0).len(), MAX_PAYLOAD_BYTES);
    assert!(decode_payload::<String>(&payload(0)).is_ok());
    assert!(matches!(
        decode_payload::<String>(&payload(1)),
        Err(Malformed::TooLong { .. })
    ));
    let full = ToService {
        action: Content::IceCandidate,
        message_payload: "A".repeat(MAX_PAYLOAD_BYTES),
        recipient_client_id: Some("r".repeat(MAX_ID_BYTES)),
        correlation_id: Some("c".repeat(MAX_ID_BYTES)),
    };
    assert_eq!(ToService::from_json(&full.to_json()), Ok(full));
    assert!(matches!(
        ToService::from_json(&" ".repeat(MAX_FRAME_BYTES + 1)),
        Err(Malformed::TooLong { .. })
    ));
}

#[test]
fn ids_are_letters_digits_and_three_marks() {
    for id in ["a", "Viewer_1.2-3", &"x".repeat(MAX_ID_BYTES)] {
        assert!(is_id(id), "{id}");
    }
    for id in ["", "a b", "a/b", "ü", "a\n", &"x".repeat(MAX_ID_BYTES + 1)] {
        assert!(!is_id(id), "{id:?}");
    }
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let credentials: RoleAliasCredentials =
        serde_json::from_value(examples()["calls"]["credentials"].clone()).unwrap();
    let ice: IceServers =
        serde_json::from_value(examples()["calls"]["ice_answer"].clone()).unwrap();
    let shown = format!("{credentials:?} {ice:?}");
    let secrets = &credentials.credentials;
    for secret in [
        &secrets.secret_access_key,
        &secrets.session_token,
        &ice.ice_server_list[0].password,
    ] {
        assert!(!shown.contains(secret.as_str()), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_frame_and_no_payload_panics(text in ".{0,200}") {
        let _ = ToService::from_json(&text);
        let _ = FromService::from_json(&text);
        let _ = decode_payload::<Candidate>(&text);
    }

    #[test]
    fn what_is_encoded_is_decoded(candidate in ".{0,100}", mid in proptest::option::of("[a-z0-9]{1,4}")) {
        let sent = Candidate { candidate, sdp_mid: mid, ..Candidate::default() };
        prop_assert_eq!(decode_payload::<Candidate>(&encode_payload(&sent)), Ok(sent));
    }
}
