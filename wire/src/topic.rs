//! Where actions and telemetry travel, and what a robot may be called.

/// Longest robot name: AWS IoT allows 128 bytes for a thing's name and a client's id.
pub const MAX_ROBOT_NAME_BYTES: usize = 128;

/// Why a name is not a robot's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no robot name: it must be 1 to 128 letters, digits, '-' or '_', and not begin with '-'"
)]
pub struct BadName(pub String);

/// Checks a robot's name: it becomes a topic, a client id, a certificate's common name and
/// a part of a URL, so it is stricter than an AWS thing's name, which also allows `:`.
///
/// # Errors
/// [`BadName`] when it is empty, too long, has a character outside `[A-Za-z0-9_-]`, or begins
/// like an option.
pub fn check_robot_name(name: &str) -> Result<(), BadName> {
    let fits = (1..=MAX_ROBOT_NAME_BYTES).contains(&name.len())
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if fits {
        Ok(())
    } else {
        Err(BadName(name.to_owned()))
    }
}

/// Where `robot` is told what to do.
pub fn action(robot: &str) -> String {
    format!("{robot}/action")
}

/// Where `robot` says how it is.
pub fn telemetry(robot: &str) -> String {
    format!("{robot}/telemetry")
}

/// The robot whose telemetry travels on `topic`, if it is such a topic.
pub fn robot_of_telemetry(topic: &str) -> Option<&str> {
    topic
        .strip_suffix("/telemetry")
        .filter(|robot| check_robot_name(robot).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_change_a_topic_or_a_path_are_refused() {
        for name in [
            "",
            "a/b",
            "+",
            "#",
            "a b",
            "..",
            "ü",
            "$SYS",
            "a:b",
            "-x",
            &"x".repeat(129),
        ] {
            assert!(check_robot_name(name).is_err(), "{name:?}");
        }
        for name in ["sts-pi", "Rover_2", "7", &"x".repeat(128)] {
            assert!(check_robot_name(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_telemetry_topic_names_its_robot() {
        assert_eq!(robot_of_telemetry(&telemetry("rover")), Some("rover"));
        assert_eq!(robot_of_telemetry("a/b/telemetry"), None);
        assert_eq!(robot_of_telemetry(&action("rover")), None);
    }
}
