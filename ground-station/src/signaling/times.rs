//! How long things last in the service that is stood in for, and the same faster for tests.

use std::time::Duration;

/// The service's times. Each can be scaled, so that a test sees an hour pass in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Times {
    /// Life of temporary credentials: the default of an AWS IoT role alias.
    pub credentials: Duration,
    /// Life of a TURN password: fixed at 300 s in the documentation.
    pub ice_servers: Duration,
    /// A socket over which nothing comes is closed after this: ten minutes, a hard limit.
    pub idle: Duration,
    /// A socket is told to go away after this: one hour, a hard limit.
    pub session: Duration,
    /// How long it may stay after it was told: one minute.
    pub grace: Duration,
    /// How long a message waits for a master who is away: what a channel is made with.
    pub message_ttl: Duration,
    /// The service now and then sends an empty text frame; nobody has documented when.
    pub empty_frame: Duration,
}

impl Times {
    pub(crate) const DOCUMENTED: Self = Self {
        credentials: Duration::from_secs(3600),
        ice_servers: Duration::from_secs(300),
        idle: Duration::from_secs(600),
        session: Duration::from_secs(3600),
        grace: Duration::from_secs(60),
        message_ttl: Duration::from_secs(60),
        empty_frame: Duration::from_secs(120),
    };

    /// All of them multiplied by `scale`; none becomes shorter than a millisecond.
    #[must_use]
    pub(crate) fn scaled(self, scale: f64) -> Self {
        let by = |time: Duration| {
            Duration::try_from_secs_f64(time.as_secs_f64() * scale)
                .unwrap_or(time)
                .max(Duration::from_millis(1))
        };
        Self {
            credentials: by(self.credentials),
            ice_servers: by(self.ice_servers),
            idle: by(self.idle),
            session: by(self.session),
            grace: by(self.grace),
            message_ttl: by(self.message_ttl),
            empty_frame: by(self.empty_frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_can_pass_in_seconds_but_never_in_nothing() {
        let fast = Times::DOCUMENTED.scaled(0.01);
        assert_eq!(fast.session, Duration::from_secs(36));
        assert_eq!(fast.ice_servers, Duration::from_secs(3));
        assert_eq!(Times::DOCUMENTED.scaled(f64::NAN), Times::DOCUMENTED);
    }
}
