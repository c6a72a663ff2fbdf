use std::time::Duration;

use super::*;
use crate::clock::instant;

const SECOND: Duration = Duration::from_secs(1);

fn connection(role: Role) -> (Connection, Instant) {
    let now = instant();
    (Connection::new(role, Times::DOCUMENTED, now), now)
}

fn frame(action: &str, more: &str) -> String {
    format!(r#"{{"action":"{action}","messagePayload":"e30="{more}}}"#)
}

#[test]
fn twenty_candidates_and_five_descriptions_a_second() {
    let (mut connection, now) = connection(Role::Viewer);
    let mut passed = |action: &str, at| {
        (0..100)
            .filter(|_| connection.parse(&frame(action, ""), at).is_ok())
            .count()
    };
    assert_eq!(passed("ICE_CANDIDATE", now), 20);
    assert_eq!(passed("SDP_OFFER", now), 5, "each kind has its own rate");
    assert_eq!(passed("ICE_CANDIDATE", now + SECOND), 20);
    assert_eq!(passed("SDP_ANSWER", now + SECOND), 5);
}

#[test]
fn a_refusal_is_answered_only_where_there_is_a_correlation_id() {
    let (mut connection, now) = connection(Role::Master);
    let silent = connection.parse(&frame("SDP_ANSWER", ""), now).unwrap_err();
    assert_eq!(silent.status(), None);
    let told = connection
        .parse(&frame("SDP_ANSWER", r#","correlationId":"c-1""#), now)
        .unwrap_err()
        .status()
        .unwrap()
        .status_response
        .unwrap();
    assert_eq!(told.correlation_id, "c-1");
    assert_eq!(told.status_code.as_deref(), Some("400"));
    assert_eq!(told.error_type.as_deref(), Some("InvalidArgumentException"));
}

#[test]
fn what_is_no_message_is_refused() {
    let (mut connection, now) = connection(Role::Master);
    let to = |more: &str| {
        frame(
            "ICE_CANDIDATE",
            &format!(r#","recipientClientId":"v"{more}"#),
        )
    };
    assert!(connection.parse(&to(""), now).is_ok());
    let long = "x".repeat(257);
    for bad in [
        String::new(),
        "garbage".into(),
        to("")[..20].to_owned(),
        frame("ICE_CANDIDATE", r#","recipientClientId":"a b""#),
        frame(
            "ICE_CANDIDATE",
            &format!(r#","recipientClientId":"{long}""#),
        ),
        to(r#","correlationId":"a b""#),
        to("").replace("e30=", ""),
        to("").replace("e30=", "{}"),
        to("").replace("e30=", &"A".repeat(MAX_PAYLOAD_BYTES + 1)),
    ] {
        assert!(connection.parse(&bad, now).is_err(), "{bad}");
    }
    let full = to("").replace("e30=", &"A".repeat(MAX_PAYLOAD_BYTES));
    assert!(connection.parse(&full, now).is_ok());
}

#[test]
fn rejected_messages_are_tolerated_up_to_a_point() {
    let (mut connection, now) = connection(Role::Viewer);
    assert!((0..REJECTED.burst as usize).all(|_| connection.tolerates_rejected(now)));
    assert!(!connection.tolerates_rejected(now));
    assert!(connection.tolerates_rejected(now + SECOND));
}

/// Everything that falls due until `until`, with the seconds at which it does.
fn schedule(
    connection: &mut Connection,
    start: Instant,
    until_s: u64,
    talks: bool,
) -> Vec<(u64, Due)> {
    let mut seen = Vec::new();
    loop {
        let at = connection.deadline();
        let second = at.duration_since(start).as_secs();
        if second > until_s {
            return seen;
        }
        if talks {
            connection.received(at);
        }
        while let Some(due) = connection.due(at) {
            if due != Due::EmptyFrame {
                seen.push((second, due));
            }
            if matches!(due, Due::Close(_)) {
                return seen;
            }
        }
    }
}

#[test]
fn a_silent_socket_closes_after_ten_minutes() {
    let (mut connection, now) = connection(Role::Viewer);
    let seen = schedule(&mut connection, now, 9999, false);
    assert_eq!(seen, [(600, Due::Close(CloseReason::Idle))]);
}

#[test]
fn a_busy_socket_is_told_after_an_hour_and_closed_a_minute_later() {
    let (mut connection, now) = connection(Role::Master);
    let seen = schedule(&mut connection, now, 9999, true);
    assert_eq!(
        seen,
        [(3600, Due::GoAway), (3660, Due::Close(CloseReason::TimeUp))]
    );
}

#[test]
fn an_empty_frame_comes_now_and_then() {
    let (mut connection, now) = connection(Role::Master);
    let mut empty = 0;
    while connection.deadline() <= now + 500 * SECOND {
        let at = connection.deadline();
        empty += usize::from(connection.due(at) == Some(Due::EmptyFrame));
    }
    assert_eq!(empty, 4);
}
