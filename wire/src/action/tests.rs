use super::*;
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Examples {
    accepted: Vec<Accepted>,
    rejected: Vec<RejectedExample>,
}

#[derive(Deserialize)]
struct Accepted {
    payload: Value,
    twist: (f64, f64),
}

#[derive(Deserialize)]
struct RejectedExample {
    text: String,
    reason: String,
}

fn examples() -> Examples {
    serde_json::from_str(include_str!("../../examples/actions.json")).unwrap()
}

#[test]
fn every_accepted_example_is_an_action() {
    for example in examples().accepted {
        let text = example.payload.to_string();
        let action = Action::from_json(text.as_bytes())
            .unwrap_or_else(|rejected| panic!("{text}: {rejected}"));
        assert_eq!(action.motion.twist(), example.twist, "{text}");
    }
}

#[test]
fn every_rejected_example_is_refused_with_its_reason() {
    for example in examples().rejected {
        let rejected = Action::from_json(example.text.as_bytes()).expect_err(&example.text);
        assert!(
            rejected.to_string().contains(&example.reason),
            "{}: said {rejected:?}, not {:?}",
            example.text,
            example.reason
        );
    }
}

#[test]
fn one_byte_past_the_limit_is_refused_and_the_limit_itself_is_not() {
    let padded = |bytes: usize| {
        let head = r#"{"action":"stop","note":""#;
        format!("{head}{}\"}}", "x".repeat(bytes - head.len() - 2))
    };
    assert!(Action::from_json(padded(MAX_BYTES).as_bytes()).is_ok());
    assert_eq!(
        Action::from_json(padded(MAX_BYTES + 1).as_bytes()),
        Err(Rejected::TooLong(MAX_BYTES + 1))
    );
}

#[test]
fn deep_nesting_is_refused_without_overflowing_the_stack() {
    let nested = format!("{}{}", "[".repeat(500), "]".repeat(500));
    assert!(matches!(
        Action::from_json(nested.as_bytes()),
        Err(Rejected::NotJson(_))
    ));
}

proptest! {
    #[test]
    fn no_payload_panics(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Action::from_json(&payload);
    }

    #[test]
    fn what_is_written_is_read_back(
        linear in -1.0f64..=1.0,
        angular in -1.0f64..=1.0,
        speed in proptest::option::of(0.01f64..=1.0),
        duration_ms in proptest::option::of(1..=MAX_DURATION_MS),
        seq in proptest::option::of(0..=MAX_INTEGER),
    ) {
        let action = Action { speed, duration_ms, seq, ..Action::new(Motion::Drive { linear, angular }) };
        prop_assert_eq!(Action::from_json(action.to_json().as_bytes()), Ok(action));
    }
}
