//! Cuts every frame into RTP payloads once, for all viewers of its codec, who take them at their own pace.
//! One that is too slow loses frames; nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use tokio::sync::broadcast;
use webrtc::rtp::codecs::h264::H264Payloader;
use webrtc::rtp::packetizer::Payloader;

use super::h264;
use super::media_clock::MediaClock;
use super::vp8::Vp8Payloader;
use crate::video::camera::{Format, Frame};
use crate::video::codec::Codec;

/// Bytes of picture in a packet. With all headers and their extensions, encryption and a relay's
/// wrapping it stays below 1280 bytes, the least that every IPv6 path carries whole.
pub(super) const PAYLOAD_BYTES: usize = 1168;

/// Frames a viewer may be behind, a quarter of a second at 30 a second. After more than that
/// the newest is worth more than the missing.
const FRAMES_BEHIND: usize = 8;

/// A frame in RTP payloads, without what differs between viewers.
pub(in crate::video) struct PacketizedFrame {
    pub payloads: Vec<Bytes>,
    pub key: bool,
    pub timestamp: u32,
    /// As an NTP timestamp.
    pub captured: u64,
}

/// Where frames can be had, by codec.
#[derive(Clone)]
pub(in crate::video) struct Frames {
    h264: broadcast::Sender<Arc<PacketizedFrame>>,
    vp8: broadcast::Sender<Arc<PacketizedFrame>>,
}

impl Frames {
    fn of(&self, codec: Codec) -> &broadcast::Sender<Arc<PacketizedFrame>> {
        match codec {
            Codec::H264 => &self.h264,
            Codec::Vp8 => &self.vp8,
        }
    }

    /// The frames from now on.
    pub(super) fn subscribe(&self, codec: Codec) -> broadcast::Receiver<Arc<PacketizedFrame>> {
        self.of(codec).subscribe()
    }
}

/// The highest level of the stream of H.264, which answers have to say: smaller pictures, while the path is
/// narrow, have a lower one.
pub(in crate::video) struct StreamLevel(AtomicU8);

impl StreamLevel {
    /// As `level_idc` says it, ten times the level.
    pub(super) fn get(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(in crate::video) struct Packetizer {
    level: Arc<StreamLevel>,
    /// Whether a frame has said its level.
    level_said: bool,
    frames: Frames,
    h264: (H264Payloader, Timestamps),
    vp8: (Vp8Payloader, Timestamps),
    clock: MediaClock,
}

/// Those of one stream: two frames never share one, or receivers take them for one frame.
#[derive(Default)]
struct Timestamps {
    last: u32,
}

impl Timestamps {
    fn next(&mut self, timestamp: u32) -> u32 {
        let is_later = timestamp != self.last && timestamp.wrapping_sub(self.last) < 1 << 31;
        self.last = if is_later {
            timestamp
        } else {
            self.last.wrapping_add(1)
        };
        self.last
    }
}

impl Packetizer {
    /// One for pictures of this `format`.
    pub(in crate::video) fn new(format: Format, clock: MediaClock) -> Self {
        Self {
            level: Arc::new(StreamLevel(h264::level_of(format).into())),
            level_said: false,
            frames: Frames {
                h264: broadcast::channel(FRAMES_BEHIND).0,
                vp8: broadcast::channel(FRAMES_BEHIND).0,
            },
            h264: Default::default(),
            vp8: (Vp8Payloader::new(rand::random()), Timestamps::default()),
            clock,
        }
    }

    pub(in crate::video) fn frames(&self) -> Frames {
        self.frames.clone()
    }

    /// What the frames say, or what they will, as long as there was none.
    pub(in crate::video) fn level(&self) -> Arc<StreamLevel> {
        Arc::clone(&self.level)
    }

    /// Hands a frame to all who are subscribed; does not wait for any.
    pub(in crate::video) fn publish(&mut self, frame: &Frame) {
        if frame.key
            && frame.codec == Codec::H264
            && let Some(level) = h264::level_in(&frame.data)
        {
            let least = if self.level_said { self.level.get() } else { 0 };
            self.level.0.store(level.max(least), Ordering::Relaxed);
            self.level_said = true;
        }
        let subscribers = self.frames.of(frame.codec);
        if subscribers.receiver_count() == 0 {
            return;
        }
        let (payloads, timestamps) = match (frame.codec, &mut self.h264, &mut self.vp8) {
            (Codec::H264, (payloader, timestamps), _) => {
                let cut = payloader.payload(PAYLOAD_BYTES, &frame.data);
                (cut.unwrap_or_default(), timestamps)
            }
            (Codec::Vp8, _, (payloader, timestamps)) => {
                (payloader.payload(PAYLOAD_BYTES, &frame.data), timestamps)
            }
        };
        if payloads.is_empty() {
            return;
        }
        let timestamp = self.clock.rtp(frame.captured);
        let packetized = PacketizedFrame {
            payloads,
            key: frame.key,
            timestamp: timestamps.next(timestamp),
            captured: self.clock.ntp(frame.captured),
        };
        let _ = subscribers.send(Arc::new(packetized));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{now, wall};
    use std::time::{Duration, Instant};

    const FORMAT: Format = Format {
        width: 640,
        height: 480,
        fps: 30,
    };

    fn frame(captured: Instant) -> Frame {
        Frame {
            codec: Codec::H264,
            data: Bytes::from_static(&[0, 0, 0, 1, 0x41, 1, 2, 3]),
            key: false,
            captured,
        }
    }

    #[test]
    fn timestamps_follow_the_time_of_capture_and_never_repeat() {
        let start = now();
        let mut packetizer = Packetizer::new(FORMAT, MediaClock::new(start, wall()));
        let frames = packetizer.frames();
        let mut viewer = frames.subscribe(Codec::H264);
        let at = |ms| start + Duration::from_millis(ms);
        for captured in [at(1000), at(1033), at(1033), at(900), at(1100)] {
            packetizer.publish(&frame(captured));
        }
        let mut stamps = Vec::new();
        while let Ok(frame) = viewer.try_recv() {
            stamps.push(frame.timestamp);
        }
        assert_eq!(stamps, [90_000, 92_970, 92_971, 92_972, 99_000]);
    }

    #[test]
    fn a_viewer_too_slow_loses_frames_and_holds_up_nobody() {
        let start = now();
        let mut packetizer = Packetizer::new(FORMAT, MediaClock::new(start, wall()));
        let frames = packetizer.frames();
        let (mut slow, mut quick) = (frames.subscribe(Codec::H264), frames.subscribe(Codec::H264));
        for ms in 1..100 {
            packetizer.publish(&frame(start + Duration::from_millis(ms)));
            assert!(quick.try_recv().is_ok());
        }
        assert!(matches!(
            slow.try_recv(),
            Err(broadcast::error::TryRecvError::Lagged(91))
        ));
    }

    #[test]
    fn the_level_is_the_highest_that_a_key_frame_said_whoever_watches() {
        let start = now();
        let mut packetizer = Packetizer::new(FORMAT, MediaClock::new(start, wall()));
        let level = packetizer.level();
        assert_eq!(level.get(), 30);
        for (key, said, level_now) in [
            (true, 12, 12),
            (true, 40, 40),
            (false, 51, 40),
            (true, 13, 40),
        ] {
            packetizer.publish(&Frame {
                codec: Codec::H264,
                data: Bytes::copy_from_slice(&[0, 0, 0, 1, 0x67, 0x42, 0xc0, said]),
                key,
                captured: start,
            });
            assert_eq!(level.get(), level_now);
        }
    }
}
