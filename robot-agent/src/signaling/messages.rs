//! The service's frames, decoded and encoded. Pure.

use wire::signaling::permitted::Permitted;
use wire::signaling::{
    Candidate, Content, Description, FromService, MessageType, ToService, decode_payload,
    encode_payload, is_id,
};

use crate::video::messages::{Incoming, Message, Outgoing};

/// What a frame of the service means.
#[derive(Debug, PartialEq)]
pub(super) enum Event {
    Message(Incoming),
    /// The service closes this socket soon.
    GoAway,
    IceServersChanged,
    /// Who may watch now.
    Permitted(Permitted),
    /// The service closes this socket, because this robot may no longer have it.
    Revoked,
    /// A sign of life and no more.
    Nothing,
}

/// # Errors
/// In words, for a frame that is broken, and for a refusal of what was sent.
pub(super) fn decode(text: &str) -> Result<Event, String> {
    let Some(frame) = FromService::from_json(text).map_err(|error| error.to_string())? else {
        return Ok(Event::Nothing);
    };
    match frame.message_type {
        MessageType::GoAway => Ok(Event::GoAway),
        MessageType::ReconnectIceServer => Ok(Event::IceServersChanged),
        MessageType::StatusResponse => {
            let status = frame.status_response.unwrap_or_default();
            Err(format!(
                "the service refused message {}: {} {} {}",
                status.correlation_id,
                status.status_code.unwrap_or_default(),
                status.error_type.unwrap_or_default(),
                status.description.unwrap_or_default()
            ))
        }
        MessageType::SdpOffer => {
            let (viewer, payload) = from_viewer(frame.sender_client_id, frame.message_payload)?;
            let description: Description =
                decode_payload(&payload).map_err(|error| error.to_string())?;
            if description.kind != "offer" {
                return Err(format!("an offer that calls itself {:?}", description.kind));
            }
            Ok(Event::Message(Incoming::Offer {
                viewer,
                principal: frame.principal,
                sdp: description.sdp,
            }))
        }
        MessageType::IceCandidate => {
            let (viewer, payload) = from_viewer(frame.sender_client_id, frame.message_payload)?;
            let candidate: Candidate =
                decode_payload(&payload).map_err(|error| error.to_string())?;
            Ok(Event::Message(Incoming::Candidate { viewer, candidate }))
        }
        MessageType::Permitted => {
            let payload = frame.message_payload.ok_or("a list without a payload")?;
            let list = Permitted::from_payload(&payload);
            list.map(Event::Permitted)
                .map_err(|error| error.to_string())
        }
        MessageType::ViewerLeft => {
            let viewer = frame.sender_client_id.ok_or("nobody has left")?;
            Ok(Event::Message(Incoming::Left { viewer }))
        }
        // Masters get no answers, and what comes after this version is not for it.
        MessageType::SdpAnswer | MessageType::Unknown => Ok(Event::Nothing),
    }
}

fn from_viewer(
    viewer: Option<String>,
    payload: Option<String>,
) -> Result<(String, String), String> {
    let viewer = viewer.ok_or("a viewer's message without its sender cannot be answered")?;
    if !is_id(&viewer) {
        return Err(format!("{:.40?} is no viewer's id", viewer));
    }
    let payload = payload.ok_or("a viewer's message without a payload")?;
    Ok((viewer, payload))
}

/// A frame for a viewer. With its `number`, a refusal comes back and can be logged.
pub(super) fn encode(outgoing: &Outgoing, number: u64) -> String {
    let (action, message_payload) = match &outgoing.message {
        Message::Answer { sdp, refused } => {
            let answer = Description {
                kind: "answer".to_owned(),
                sdp: sdp.clone(),
                reason: refused.clone(),
            };
            (Content::SdpAnswer, encode_payload(&answer))
        }
        Message::Candidate(candidate) => (Content::IceCandidate, encode_payload(candidate)),
    };
    let frame = ToService {
        action,
        message_payload,
        recipient_client_id: Some(outgoing.viewer.clone()),
        correlation_id: Some(number.to_string()),
    };
    frame.to_json()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: &str, sender: &str, payload: &str) -> String {
        format!(
            "{{\"messageType\":\"{kind}\",\"senderClientId\":\"{sender}\",\
             \"messagePayload\":\"{payload}\"}}"
        )
    }

    fn encoded(json: &str) -> String {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        encode_payload(&value)
    }

    #[test]
    fn offers_and_candidates_are_decoded() {
        let offer = encoded(r#"{"type":"offer","sdp":"v=0"}"#);
        assert_eq!(
            decode(&frame("SDP_OFFER", "anna", &offer)),
            Ok(Event::Message(Incoming::Offer {
                viewer: "anna".to_owned(),
                principal: None,
                sdp: "v=0".to_owned(),
            }))
        );
        let named = frame("SDP_OFFER", "anna\",\"principal\":\"user-anna/1", &offer);
        assert!(matches!(
            decode(&named),
            Ok(Event::Message(Incoming::Offer { principal: Some(principal), .. }))
                if principal == "user-anna/1"
        ));
        let candidate = encoded(r#"{"candidate":"","sdpMid":null}"#);
        assert!(matches!(
            decode(&frame("ICE_CANDIDATE", "anna", &candidate)),
            Ok(Event::Message(Incoming::Candidate { viewer, .. })) if viewer == "anna"
        ));
    }

    #[test]
    fn the_services_own_messages_are_decoded() {
        assert_eq!(decode(r#"{"messageType":"GO_AWAY"}"#), Ok(Event::GoAway));
        let changed = r#"{"messageType":"RECONNECT_ICE_SERVER","senderClientId":""}"#;
        assert_eq!(decode(changed), Ok(Event::IceServersChanged));
        let (list, _) = Permitted::of(["user-anna/1".to_owned()]);
        assert_eq!(
            decode(&list.to_frame().to_json()),
            Ok(Event::Permitted(list))
        );
        let refused = r#"{"messageType":"STATUS_RESPONSE","statusResponse":{"correlationId":"7",
            "statusCode":"400","errorType":"InvalidArgumentException","description":"no"}}"#;
        assert!(decode(refused).unwrap_err().contains("message 7: 400"));
    }

    #[test]
    fn empty_and_unknown_frames_mean_nothing() {
        for text in ["", "  ", r#"{"messageType":"SOMETHING_NEW"}"#] {
            assert_eq!(decode(text), Ok(Event::Nothing), "{text:?}");
        }
    }

    #[test]
    fn a_bad_frame_is_named_and_survived() {
        let offer = encoded(r#"{"type":"offer","sdp":"v=0"}"#);
        let cut = &offer[..offer.len() - 3];
        for (text, word) in [
            ("garbage".to_owned(), "frame"),
            ("{\"messageType\":\"SDP_OFFER\"".to_owned(), "frame"),
            ("\u{0}\u{1}".to_owned(), "frame"),
            ("x".repeat(200_000), "at most"),
            (r#"{"messageType":"SDP_OFFER"}"#.to_owned(), "sender"),
            (frame("SDP_OFFER", "", &offer), "sender"),
            (frame("SDP_OFFER", "a b", &offer), "no viewer's id"),
            (frame("SDP_OFFER", "anna", ""), "without a payload"),
            (frame("SDP_OFFER", "anna", cut), "payload"),
            (frame("SDP_OFFER", "anna", "!!!"), "base64"),
            (
                frame("SDP_OFFER", "anna", &encoded("{\"sdp\":1}")),
                "payload",
            ),
            (
                frame(
                    "SDP_OFFER",
                    "anna",
                    &encoded(r#"{"type":"answer","sdp":""}"#),
                ),
                "calls itself",
            ),
            (frame("ICE_CANDIDATE", "anna", &encoded("[1]")), "payload"),
            (r#"{"messageType":"PERMITTED"}"#.to_owned(), "payload"),
            (frame("PERMITTED", "", &encoded("{}")), "payload"),
        ] {
            let why = decode(&text).unwrap_err();
            assert!(why.contains(word), "{text:.80}: {why}");
        }
    }
}
