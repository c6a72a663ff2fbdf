//! The stream all viewers share: every picture is cut into packets once, and every viewer
//! takes them at its own pace. One that is too slow loses pictures; nobody waits for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::broadcast;
use webrtc::rtp::codecs::h264::H264Payloader;
use webrtc::rtp::packetizer::Payloader;

use crate::video::camera::Frame;

/// Bytes of picture in a packet. With all headers, encryption and a relay's wrapping it stays
/// below 1280 bytes, the least that every IPv6 path carries whole.
const PAYLOAD_BYTES: usize = 1188;

/// Pictures a viewer may be behind, a quarter of a second at 30 a second. After more than
/// that the newest is worth more than the missing.
const PICTURES_BEHIND: usize = 8;

/// Ticks a second of the clock that video travels by.
const CLOCK_RATE: f64 = 90_000.0;

/// One picture in packets, without what differs between viewers.
pub(super) struct Picture {
    pub payloads: Vec<Bytes>,
    pub key: bool,
    pub timestamp: u32,
}

/// Where the camera's frames go in and the viewers' come out.
pub(crate) struct Feed {
    to: broadcast::Sender<Arc<Picture>>,
    cutter: Mutex<Cutter>,
}

struct Cutter {
    payloader: H264Payloader,
    epoch: Instant,
    last: u32,
}

impl Feed {
    /// A feed whose clock starts at `epoch`.
    pub(crate) fn new(epoch: Instant) -> Self {
        Self {
            to: broadcast::channel(PICTURES_BEHIND).0,
            cutter: Mutex::new(Cutter {
                payloader: H264Payloader::default(),
                epoch,
                last: 0,
            }),
        }
    }

    /// Hands a frame to all who are subscribed; does not wait for any.
    pub(crate) fn publish(&self, frame: &Frame) {
        if self.to.receiver_count() == 0 {
            return;
        }
        let picture = self
            .cutter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .cut(frame);
        if let Some(picture) = picture {
            let _ = self.to.send(Arc::new(picture));
        }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Picture>> {
        self.to.subscribe()
    }
}

impl Cutter {
    fn cut(&mut self, frame: &Frame) -> Option<Picture> {
        let payloads = self.payloader.payload(PAYLOAD_BYTES, &frame.data).ok()?;
        let seconds = frame
            .captured
            .saturating_duration_since(self.epoch)
            .as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the clock of RTP wraps at 32 bits"
        )]
        let timestamp = (seconds * CLOCK_RATE).round() as u64 as u32;
        // Two pictures never share a timestamp, or receivers take them for one.
        let is_later = timestamp != self.last && timestamp.wrapping_sub(self.last) < 1 << 31;
        self.last = if is_later {
            timestamp
        } else {
            self.last.wrapping_add(1)
        };
        Some(Picture {
            payloads,
            key: frame.key,
            timestamp: self.last,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[expect(clippy::disallowed_methods, reason = "some instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn frame(captured: Instant) -> Frame {
        Frame {
            data: Bytes::from_static(&[0, 0, 0, 1, 0x41, 1, 2, 3]),
            key: false,
            captured,
        }
    }

    #[test]
    fn timestamps_follow_the_time_of_capture_and_never_repeat() {
        let start = start();
        let feed = Feed::new(start);
        let mut viewer = feed.subscribe();
        let at = |ms| start + Duration::from_millis(ms);
        for captured in [at(1000), at(1033), at(1033), at(900), at(1100)] {
            feed.publish(&frame(captured));
        }
        let mut stamps = Vec::new();
        while let Ok(picture) = viewer.try_recv() {
            stamps.push(picture.timestamp);
        }
        assert_eq!(stamps, [90_000, 92_970, 92_971, 92_972, 99_000]);
    }

    #[test]
    fn a_viewer_too_slow_loses_pictures_and_holds_up_nobody() {
        let start = start();
        let feed = Feed::new(start);
        let (mut slow, mut quick) = (feed.subscribe(), feed.subscribe());
        for ms in 1..100 {
            feed.publish(&frame(start + Duration::from_millis(ms)));
            assert!(quick.try_recv().is_ok());
        }
        assert!(matches!(
            slow.try_recv(),
            Err(broadcast::error::TryRecvError::Lagged(91))
        ));
    }
}
