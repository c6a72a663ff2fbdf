//! What the frames of the service mean. Pure.

use wire::signaling::{Candidate, Description, FromService, MessageType, is_id, open};

use crate::video::messages::Incoming;

/// What a frame meant.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// A viewer spoke.
    Viewer(Incoming),
    /// The service closes this socket soon.
    GoAway,
    /// The relays change.
    NewRelays,
    /// A sign of life and no more.
    Nothing,
}

/// What a frame of the service means.
pub(super) fn meaning(text: &str) -> Result<Heard, String> {
    let Some(frame) = FromService::from_json(text).map_err(|error| error.to_string())? else {
        return Ok(Heard::Nothing);
    };
    match frame.message_type {
        MessageType::GoAway => Ok(Heard::GoAway),
        MessageType::ReconnectIceServer => Ok(Heard::NewRelays),
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
            let description: Description = open(&payload).map_err(|error| error.to_string())?;
            if description.kind != "offer" {
                return Err(format!("an offer that calls itself {:?}", description.kind));
            }
            let sdp = description.sdp;
            Ok(Heard::Viewer(Incoming::Offer { viewer, sdp }))
        }
        MessageType::IceCandidate => {
            let (viewer, payload) = from_viewer(frame.sender_client_id, frame.message_payload)?;
            let candidate: Candidate = open(&payload).map_err(|error| error.to_string())?;
            Ok(Heard::Viewer(Incoming::Candidate { viewer, candidate }))
        }
        // Masters get no answers, and what comes after this version is not for it.
        MessageType::SdpAnswer | MessageType::Unknown => Ok(Heard::Nothing),
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

#[cfg(test)]
mod tests {
    use super::*;
    use wire::signaling::seal;

    fn frame(kind: &str, sender: &str, payload: &str) -> String {
        format!(
            "{{\"messageType\":\"{kind}\",\"senderClientId\":\"{sender}\",\
             \"messagePayload\":\"{payload}\"}}"
        )
    }

    fn sealed(json: &str) -> String {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        seal(&value)
    }

    #[test]
    fn offers_and_candidates_are_understood() {
        let offer = sealed(r#"{"type":"offer","sdp":"v=0"}"#);
        assert_eq!(
            meaning(&frame("SDP_OFFER", "anna", &offer)),
            Ok(Heard::Viewer(Incoming::Offer {
                viewer: "anna".to_owned(),
                sdp: "v=0".to_owned(),
            }))
        );
        let candidate = sealed(r#"{"candidate":"","sdpMid":null}"#);
        assert!(matches!(
            meaning(&frame("ICE_CANDIDATE", "anna", &candidate)),
            Ok(Heard::Viewer(Incoming::Candidate { viewer, .. })) if viewer == "anna"
        ));
    }

    #[test]
    fn the_services_own_words_are_understood() {
        assert_eq!(meaning(r#"{"messageType":"GO_AWAY"}"#), Ok(Heard::GoAway));
        let relays = r#"{"messageType":"RECONNECT_ICE_SERVER","senderClientId":""}"#;
        assert_eq!(meaning(relays), Ok(Heard::NewRelays));
        let refused = r#"{"messageType":"STATUS_RESPONSE","statusResponse":{"correlationId":"7",
            "statusCode":"400","errorType":"InvalidArgumentException","description":"no"}}"#;
        assert!(meaning(refused).unwrap_err().contains("message 7: 400"));
    }

    #[test]
    fn empty_and_unknown_frames_mean_nothing() {
        for text in ["", "  ", r#"{"messageType":"SOMETHING_NEW"}"#] {
            assert_eq!(meaning(text), Ok(Heard::Nothing), "{text:?}");
        }
    }

    #[test]
    fn a_bad_frame_is_named_and_survived() {
        let offer = sealed(r#"{"type":"offer","sdp":"v=0"}"#);
        let cut = &offer[..offer.len() - 3];
        for (text, word) in [
            ("garbage".to_owned(), "frame"),
            ("{\"messageType\":\"SDP_OFFER\"".to_owned(), "frame"),
            ("\u{0}\u{1}".to_owned(), "frame"),
            ("x".repeat(100_000), "at most"),
            (r#"{"messageType":"SDP_OFFER"}"#.to_owned(), "sender"),
            (frame("SDP_OFFER", "", &offer), "sender"),
            (frame("SDP_OFFER", "a b", &offer), "no viewer's id"),
            (frame("SDP_OFFER", "anna", ""), "without a payload"),
            (frame("SDP_OFFER", "anna", cut), "payload"),
            (frame("SDP_OFFER", "anna", "!!!"), "base64"),
            (
                frame("SDP_OFFER", "anna", &sealed("{\"sdp\":1}")),
                "payload",
            ),
            (
                frame(
                    "SDP_OFFER",
                    "anna",
                    &sealed(r#"{"type":"answer","sdp":""}"#),
                ),
                "calls itself",
            ),
            (frame("ICE_CANDIDATE", "anna", &sealed("[1]")), "payload"),
        ] {
            let why = meaning(&text).unwrap_err();
            assert!(why.contains(word), "{text:.80}: {why}");
        }
    }
}
