//! What a running encoder is told, decided from the requests and from when its last frame
//! came. Pure.

use std::time::{Duration, Instant};

use super::adaptation::{Adaptation, Reduction};
use super::requests::{EncoderRequests, PipelineError};

/// Least time between two key frames on request. They are many times the size of others, and
/// every viewer that lost one packet asks for one.
pub(in crate::video) const KEY_FRAME_GAP: Duration = Duration::from_millis(300);

/// How long a running encoder may be silent before the camera counts as dead.
const SILENCE_LIMIT: Duration = Duration::from_secs(3);

/// How long the first frame may take: sensors measure light and USB cameras warm up.
const FIRST_FRAME_LIMIT: Duration = Duration::from_secs(10);

/// How long an encoder that failed by itself is left alone.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// How often to check without a request, for the count of frames per second.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// What one encoder was told last.
pub(super) struct EncoderControl {
    kbps: u32,
    adaptation: Adaptation,
    resting: bool,
    /// Whether it has to show that it works before it may rest.
    warms_up: bool,
    key_frame_at: Option<Instant>,
    since: Instant,
    /// After it failed.
    rests_until: Option<Instant>,
}

/// What it is told now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Commands {
    pub kbps: Option<u32>,
    /// Comes with `kbps`.
    pub reduction: Option<Reduction>,
    pub key_frame: bool,
    pub rest: Option<bool>,
    pub check_again: Instant,
}

impl EncoderControl {
    /// Of an encoder that runs with the camera.
    pub(super) fn warm(adaptation: Adaptation, now: Instant) -> Self {
        Self {
            resting: false,
            warms_up: true,
            ..Self::on_demand(adaptation, now)
        }
    }

    /// Of one that is made when somebody wants it.
    pub(super) fn on_demand(adaptation: Adaptation, now: Instant) -> Self {
        Self {
            kbps: 0,
            adaptation,
            resting: true,
            warms_up: false,
            key_frame_at: None,
            since: now,
            rests_until: None,
        }
    }

    /// Takes the requests that can be fulfilled now.
    pub(super) fn commands(
        &mut self,
        requests: &mut EncoderRequests,
        now: Instant,
    ) -> Result<Commands, PipelineError> {
        let mut commands = Commands {
            kbps: (self.kbps != requests.kbps).then_some(requests.kbps),
            reduction: None,
            key_frame: false,
            rest: None,
            check_again: now + CHECK_EVERY,
        };
        self.kbps = requests.kbps;
        if requests.error.take().is_some() {
            self.rests_until = Some(now + AFTER_FAULT);
        }
        let failed = self.rests_until.filter(|until| *until > now);
        commands.check_again = failed.map_or(commands.check_again, |until| {
            commands.check_again.min(until)
        });
        // The first frame comes even unwatched: it warms the encoder, and shows that it works.
        let idle = !requests.watched && (requests.last_frame.is_some() || !self.warms_up);
        let resting = idle || failed.is_some();
        if self.resting != resting {
            self.resting = resting;
            self.since = now;
            requests.key_frame = !resting;
            // Whoever the last key frame was for has left: nobody is flooded by another.
            self.key_frame_at = None;
            self.adaptation.reset();
            commands.rest = Some(resting);
            commands.kbps = Some(requests.kbps);
        }
        if resting {
            return Ok(commands);
        }
        commands.reduction = self.adaptation.follow(requests.kbps, now);
        if commands.reduction.is_some() {
            commands.kbps = Some(requests.kbps);
        }
        if let Some(due) = self.adaptation.due() {
            commands.check_again = commands.check_again.min(due);
        }
        if requests.key_frame {
            let due = self.key_frame_at.map_or(now, |at| at + KEY_FRAME_GAP);
            if due <= now {
                requests.key_frame = false;
                self.key_frame_at = Some(now);
                commands.key_frame = true;
            } else {
                commands.check_again = commands.check_again.min(due);
            }
        }
        self.check_alive(requests, now)?;
        Ok(commands)
    }

    pub(super) fn is_resting(&self) -> bool {
        self.resting
    }

    fn check_alive(&self, requests: &EncoderRequests, now: Instant) -> Result<(), PipelineError> {
        let (since, limit) = match requests.last_frame {
            Some(at) => (at.max(self.since), SILENCE_LIMIT),
            None => (self.since, FIRST_FRAME_LIMIT),
        };
        if now.saturating_duration_since(since) > limit {
            return Err(PipelineError::new(format!("no picture for {limit:?}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;
    use crate::video::camera::Format;

    fn adaptation() -> Adaptation {
        let vga = Format {
            width: 640,
            height: 480,
            fps: 30,
        };
        Adaptation::new(vga, 1500, true)
    }

    fn watched(last_frame: Option<Instant>) -> EncoderRequests {
        EncoderRequests {
            watched: true,
            kbps: 1500,
            last_frame,
            ..EncoderRequests::default()
        }
    }

    #[test]
    fn key_frames_keep_their_distance_and_none_is_forgotten() {
        let start = now();
        let mut control = EncoderControl::warm(adaptation(), start);
        let mut requests = watched(Some(start));
        let mut given = Vec::new();
        for ms in (0..1000).step_by(10) {
            let now = start + Duration::from_millis(ms);
            requests.key_frame |= ms <= 310;
            requests.last_frame = Some(now);
            if control.commands(&mut requests, now).unwrap().key_frame {
                given.push(ms);
            }
        }
        assert_eq!(given, [0, 300, 600]);
    }

    #[test]
    fn a_request_too_soon_says_when_to_check_again() {
        let start = now();
        let mut control = EncoderControl::warm(adaptation(), start);
        let mut requests = watched(Some(start));
        requests.key_frame = true;
        control.commands(&mut requests, start).unwrap();
        requests.key_frame = true;
        let later = start + Duration::from_millis(100);
        let commands = control.commands(&mut requests, later).unwrap();
        assert!(!commands.key_frame);
        assert_eq!(commands.check_again, start + KEY_FRAME_GAP);
    }

    #[test]
    fn without_viewers_the_encoder_rests_after_its_first_frame() {
        let start = now();
        let mut control = EncoderControl::warm(adaptation(), start);
        let mut requests = EncoderRequests::default();
        assert_eq!(control.commands(&mut requests, start).unwrap().rest, None);
        requests.last_frame = Some(start);
        assert_eq!(
            control.commands(&mut requests, start).unwrap().rest,
            Some(true)
        );
        let long_after = start + Duration::from_secs(100);
        assert_eq!(
            control.commands(&mut requests, long_after).unwrap().rest,
            None
        );
        requests.watched = true;
        let commands = control.commands(&mut requests, long_after).unwrap();
        assert_eq!((commands.rest, commands.key_frame), (Some(false), true));
    }

    #[test]
    fn whoever_comes_right_after_another_left_gets_a_key_frame_at_once() {
        let start = now();
        let mut control = EncoderControl::warm(adaptation(), start);
        let mut requests = watched(Some(start));
        requests.key_frame = true;
        assert!(control.commands(&mut requests, start).unwrap().key_frame);
        for (ms, watched) in [(10, false), (20, true)] {
            requests.watched = watched;
            let commands = control.commands(&mut requests, start + Duration::from_millis(ms));
            assert_eq!(commands.unwrap().key_frame, watched);
        }
    }

    #[test]
    fn a_camera_that_falls_silent_is_dead() {
        let start = now();
        let mut control = EncoderControl::warm(adaptation(), start);
        let mut requests = watched(Some(start));
        let after = |s| start + Duration::from_secs(s);
        assert!(control.commands(&mut requests, after(2)).is_ok());
        let error = control.commands(&mut requests, after(4)).unwrap_err();
        assert!(error.message.contains("no picture"), "{error}");
    }

    #[test]
    fn the_first_picture_may_take_longer() {
        let start = now();
        let mut control = EncoderControl::warm(adaptation(), start);
        let mut requests = watched(None);
        let after = |s| start + Duration::from_secs(s);
        assert!(control.commands(&mut requests, after(9)).is_ok());
        assert!(control.commands(&mut requests, after(11)).is_err());
    }
    #[test]
    fn an_encoder_made_on_demand_runs_while_it_is_watched_and_begins_with_its_bitrate() {
        let start = now();
        let mut control = EncoderControl::on_demand(adaptation(), start);
        let mut requests = EncoderRequests {
            kbps: 700,
            ..EncoderRequests::default()
        };
        control.commands(&mut requests, start).unwrap();
        for (watched, resting) in [(false, None), (true, Some(false)), (false, Some(true))] {
            requests.watched = watched;
            let commands = control.commands(&mut requests, start).unwrap();
            assert_eq!(commands.rest, resting);
            assert_eq!(commands.kbps, resting.map(|_| 700));
            assert_eq!(control.is_resting(), !watched);
        }
    }

    #[test]
    fn an_encoder_that_failed_is_left_alone_for_a_moment() {
        let start = now();
        let mut control = EncoderControl::on_demand(adaptation(), start);
        let mut requests = watched(None);
        control.commands(&mut requests, start).unwrap();
        requests.error = Some(PipelineError::new("no memory"));
        let mut told = Vec::new();
        for ms in (0..2000).step_by(100) {
            let now = start + Duration::from_millis(ms);
            let commands = control.commands(&mut requests, now).unwrap();
            told.extend(commands.rest.map(|rest| (ms, rest)));
        }
        assert_eq!(told, [(0, true), (1000, false)]);
    }
}
