//! What a running pipeline is to be told, decided from what is wished for and from when its
//! last frame came. Pure: the clock is an argument, and orders are returned.

use std::time::{Duration, Instant};

use super::KEY_FRAME_GAP;
use super::pipeline::{Fault, Graph};
use super::requests::Wishes;

/// How long a running encoder may be silent before the camera counts as dead.
const SILENCE_LIMIT: Duration = Duration::from_secs(3);

/// How long the first frame may take: sensors measure light and USB cameras warm up.
const FIRST_FRAME_LIMIT: Duration = Duration::from_secs(10);

/// How often to look without being called, for the count of frames per second.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a running pipeline was told last.
pub(super) struct Shift {
    kbps: u32,
    resting: bool,
    key_frame_at: Option<Instant>,
    since: Instant,
}

/// What it is to be told now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Orders {
    pub kbps: Option<u32>,
    pub key_frame: bool,
    pub rest: Option<bool>,
    pub look_again: Instant,
}

impl Shift {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            kbps: 0,
            resting: false,
            key_frame_at: None,
            since: now,
        }
    }

    /// Takes the wishes that can be fulfilled now.
    pub(super) fn orders(&mut self, wishes: &mut Wishes, now: Instant) -> Result<Orders, Fault> {
        let mut orders = Orders {
            kbps: (self.kbps != wishes.kbps).then_some(wishes.kbps),
            key_frame: false,
            rest: None,
            look_again: now + LOOK_EVERY,
        };
        self.kbps = wishes.kbps;
        // The first frame comes even unwatched: it warms the encoder, and shows that it works.
        let resting = !wishes.watched && wishes.last_frame.is_some();
        if self.resting != resting {
            self.resting = resting;
            self.since = now;
            wishes.key_frame = !resting;
            // Whoever the last key frame was for has left: nobody is flooded by another.
            self.key_frame_at = None;
            orders.rest = Some(resting);
        }
        if resting {
            return Ok(orders);
        }
        if wishes.key_frame {
            let due = self.key_frame_at.map_or(now, |at| at + KEY_FRAME_GAP);
            if due <= now {
                wishes.key_frame = false;
                self.key_frame_at = Some(now);
                orders.key_frame = true;
            } else {
                orders.look_again = orders.look_again.min(due);
            }
        }
        self.check_alive(wishes, now)?;
        Ok(orders)
    }

    fn check_alive(&self, wishes: &Wishes, now: Instant) -> Result<(), Fault> {
        let (heard, limit) = match wishes.last_frame {
            Some(at) => (at.max(self.since), SILENCE_LIMIT),
            None => (self.since, FIRST_FRAME_LIMIT),
        };
        if now.saturating_duration_since(heard) > limit {
            return Err(Fault::new(format!("no picture for {limit:?}")));
        }
        Ok(())
    }
}

impl Orders {
    /// The key frame is asked for before the valve opens, so that it is the first to come.
    pub(super) fn carry_out(&self, graph: &Graph) {
        if let Some(kbps) = self.kbps {
            graph.set_bitrate(kbps);
        }
        if self.key_frame {
            graph.ask_key_frame();
        }
        if let Some(resting) = self.rest {
            graph.rest(resting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(last_frame: Option<Instant>) -> Wishes {
        Wishes {
            watched: true,
            kbps: 1500,
            last_frame,
            ..Wishes::default()
        }
    }

    #[expect(clippy::disallowed_methods, reason = "some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn key_frames_keep_their_distance_and_none_is_forgotten() {
        let start = start();
        let mut shift = Shift::new(start);
        let mut wishes = watched(Some(start));
        let mut given = Vec::new();
        for ms in (0..1000).step_by(10) {
            let now = start + Duration::from_millis(ms);
            wishes.key_frame |= ms <= 310;
            wishes.last_frame = Some(now);
            if shift.orders(&mut wishes, now).unwrap().key_frame {
                given.push(ms);
            }
        }
        assert_eq!(given, [0, 300, 600]);
    }

    #[test]
    fn a_request_too_soon_says_when_to_look_again() {
        let start = start();
        let mut shift = Shift::new(start);
        let mut wishes = watched(Some(start));
        wishes.key_frame = true;
        shift.orders(&mut wishes, start).unwrap();
        wishes.key_frame = true;
        let later = start + Duration::from_millis(100);
        let orders = shift.orders(&mut wishes, later).unwrap();
        assert!(!orders.key_frame);
        assert_eq!(orders.look_again, start + KEY_FRAME_GAP);
    }

    #[test]
    fn without_viewers_the_encoder_rests_after_its_first_frame() {
        let start = start();
        let mut shift = Shift::new(start);
        let mut wishes = Wishes::default();
        assert_eq!(shift.orders(&mut wishes, start).unwrap().rest, None);
        wishes.last_frame = Some(start);
        assert_eq!(shift.orders(&mut wishes, start).unwrap().rest, Some(true));
        let long_after = start + Duration::from_secs(100);
        assert_eq!(shift.orders(&mut wishes, long_after).unwrap().rest, None);
        wishes.watched = true;
        let orders = shift.orders(&mut wishes, long_after).unwrap();
        assert_eq!((orders.rest, orders.key_frame), (Some(false), true));
    }

    #[test]
    fn whoever_comes_right_after_another_left_gets_a_key_frame_at_once() {
        let start = start();
        let mut shift = Shift::new(start);
        let mut wishes = watched(Some(start));
        wishes.key_frame = true;
        assert!(shift.orders(&mut wishes, start).unwrap().key_frame);
        for (ms, watched) in [(10, false), (20, true)] {
            wishes.watched = watched;
            let orders = shift.orders(&mut wishes, start + Duration::from_millis(ms));
            assert_eq!(orders.unwrap().key_frame, watched);
        }
    }

    #[test]
    fn a_camera_that_falls_silent_is_dead() {
        let start = start();
        let mut shift = Shift::new(start);
        let mut wishes = watched(Some(start));
        let after = |s| start + Duration::from_secs(s);
        assert!(shift.orders(&mut wishes, after(2)).is_ok());
        let fault = shift.orders(&mut wishes, after(4)).unwrap_err();
        assert!(fault.words.contains("no picture"), "{fault}");
    }

    #[test]
    fn the_first_picture_may_take_longer() {
        let start = start();
        let mut shift = Shift::new(start);
        let mut wishes = watched(None);
        let after = |s| start + Duration::from_secs(s);
        assert!(shift.orders(&mut wishes, after(9)).is_ok());
        assert!(shift.orders(&mut wishes, after(11)).is_err());
    }
}
