//! How old an action was when it arrived, as far as it can be told. Pure.

use crate::http::arrival::Arrival;
use std::time::{Duration, Instant};
use wire::Action;
use wire::action::Motion;

/// An order that was on its way for longer is worth nothing: whoever gave it sees another world
/// by now, or is gone.
pub(super) const ORDER_LIFE: Duration = Duration::from_secs(1);

/// Clocks that are set over the network differ by less; what is further in the future was not
/// stamped by a clock that can be compared with ours.
const CLOCKS_APART_MS: u64 = 250;

/// What tells how old an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It may be as old as it likes, or says itself by the robot's clock what time it is of.
    NoMatter,
    /// It says itself when it was sent: so long before it arrived.
    Known(Duration),
    /// It says nothing: it was sent at this moment or later.
    AtMostSince(Instant),
}

impl Age {
    pub(super) fn of(action: &Action, arrival: &Arrival) -> Self {
        if action.motion == Motion::Stop || action.clock_ms.is_some() {
            return Self::NoMatter;
        }
        match action.sent_at {
            Some(sent_ms) if sent_ms <= arrival.at_ms + CLOCKS_APART_MS => {
                Self::Known(Duration::from_millis(arrival.at_ms.saturating_sub(sent_ms)))
            }
            _ => Self::AtMostSince(arrival.not_before),
        }
    }

    /// The robot's clock when the action was given, if its clock showed `clock_ms` when the
    /// action arrived.
    pub(super) fn stamp(self, arrival: &Arrival, clock_ms: u64) -> Option<u64> {
        let age = match self {
            Self::NoMatter => return None,
            Self::Known(age) => age,
            Self::AtMostSince(since) => arrival.at.saturating_duration_since(since),
        };
        Some(clock_ms.saturating_sub(age.as_millis() as u64))
    }

    /// Whether it is worth nothing any more at `now`.
    pub(super) fn is_too_late(self, now: Instant) -> bool {
        match self {
            Self::AtMostSince(since) => now.saturating_duration_since(since) > ORDER_LIFE,
            // The robot is the judge of these: it knows its own limit.
            Self::NoMatter | Self::Known(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// When everything arrives.
    const AT_MS: u64 = 1_763_690_000_000;

    /// It arrived 300 ms after its connection was made.
    fn arrival() -> Arrival {
        let at = crate::clock::instant();
        Arrival {
            at,
            at_ms: AT_MS,
            not_before: at - Duration::from_millis(300),
            closable: true,
        }
    }

    #[test]
    fn an_action_is_stamped_by_what_is_known_of_its_age() {
        let arrival = arrival();
        let known = |ms| Age::Known(Duration::from_millis(ms));
        let unknown = Age::AtMostSince(arrival.not_before);
        let forward = |fields: serde_json::Value| {
            let mut action = json!({"action": "forward"});
            let all = action.as_object_mut().unwrap();
            all.extend(fields.as_object().unwrap().clone());
            action
        };
        for (action, age, stamp) in [
            (forward(json!({})), unknown, Some(700)),
            (forward(json!({"clock_ms": 5})), Age::NoMatter, None),
            (
                forward(json!({"clock_ms": 5, "sent_at": 1})),
                Age::NoMatter,
                None,
            ),
            (json!({"action": "stop"}), Age::NoMatter, None),
            (json!({"action": "stop", "sent_at": 1}), Age::NoMatter, None),
            (
                forward(json!({"sent_at": AT_MS - 80})),
                known(80),
                Some(920),
            ),
            (
                forward(json!({"sent_at": AT_MS + 250})),
                known(0),
                Some(1000),
            ),
            (
                forward(json!({"sent_at": AT_MS - 999_999})),
                known(999_999),
                Some(0),
            ),
            // By a clock that is ahead, nothing can be told.
            (forward(json!({"sent_at": AT_MS + 251})), unknown, Some(700)),
        ] {
            let parsed = Action::from_json(action.to_string().as_bytes()).unwrap();
            let told = Age::of(&parsed, &arrival);
            assert_eq!(told, age, "{action}");
            assert_eq!(told.stamp(&arrival, 1000), stamp, "{action}");
        }
    }

    #[test]
    fn only_an_order_that_tells_nothing_is_too_late_for_the_station() {
        let arrival = arrival();
        let late = arrival.not_before + ORDER_LIFE + Duration::from_millis(1);
        let unknown = Age::AtMostSince(arrival.not_before);
        assert!(!unknown.is_too_late(arrival.not_before + ORDER_LIFE));
        assert!(unknown.is_too_late(late));
        assert!(!Age::NoMatter.is_too_late(late));
        assert!(!Age::Known(Duration::from_secs(9)).is_too_late(late));
    }
}
