//! The pictures of one viewer on their way out: from the shared feed into the connection, a
//! key frame first, lost packets again within bounds, and what the path can take judged from
//! what the receiver says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::MissedTickBehavior;
use webrtc::rtp::header::Header;
use webrtc::rtp::packet::Packet;

use super::packetizer::Picture;
use super::retransmit::{Answer, Resend};
use super::track::{Bound, Track};
use super::{Host, Seat, now};
use crate::video::bandwidth::{self, Path, Seen};

/// What the receiver says about the stream.
#[derive(Debug)]
pub(super) enum Feedback {
    /// These packets are missing.
    Missing(Vec<u16>),
    /// The share of packets lost since its last report, by its own count.
    Lost(f64),
    /// Its own estimate of the path, in kbit/s.
    Estimate(f64),
    /// It cannot go on without a key frame.
    NeedsKeyFrame,
}

/// Least time between two key frames asked for because lost packets are past mending. A
/// path that drops for a while would otherwise be filled with key frames.
const BETWEEN_RESCUES: Duration = Duration::from_secs(1);

/// One viewer's stream.
pub(super) struct Stream {
    track: Arc<Track>,
    seat: Arc<Seat>,
    host: Arc<Host>,
    pictures: broadcast::Receiver<Arc<Picture>>,
    sequence_number: u16,
    /// Pictures are held back until a key frame comes.
    waits_for_key: bool,
    resend: Resend,
    path: Path,
    seen: Seen,
    sent_bytes: usize,
    lost_share: f64,
    looked: Instant,
    rescued: Option<Instant>,
}

impl Stream {
    /// Subscribes here already, so that the key frame asked for next is not missed.
    pub(super) fn new(track: Arc<Track>, seat: Arc<Seat>, host: Arc<Host>) -> Self {
        let now = now();
        Self {
            track,
            pictures: host.feed.subscribe(),
            sequence_number: rand::random(),
            waits_for_key: true,
            resend: Resend::new(now),
            path: Path::new(host.limits, now),
            seen: Seen::default(),
            sent_bytes: 0,
            lost_share: 0.0,
            looked: now,
            rescued: None,
            seat,
            host,
        }
    }

    /// Sends until the connection is gone.
    pub(super) async fn run(mut self, mut feedback: mpsc::Receiver<Feedback>) {
        let mut looks = tokio::time::interval(bandwidth::LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let went_well = tokio::select! {
                picture = self.pictures.recv() => self.take(picture).await,
                said = feedback.recv() => match said {
                    Some(said) => self.hear(said).await,
                    None => return,
                },
                _ = looks.tick() => {
                    self.look();
                    true
                }
            };
            if !went_well {
                return;
            }
        }
    }

    async fn take(&mut self, picture: Result<Arc<Picture>, broadcast::error::RecvError>) -> bool {
        match picture {
            Ok(picture) if self.waits_for_key && !picture.key => true,
            Ok(picture) => self.send(&picture).await,
            Err(RecvError::Lagged(pictures)) => {
                tracing::debug!(viewer = %self.seat.id, pictures, "too slow, skips");
                self.waits_for_key = true;
                self.host.camera.key_frame();
                true
            }
            Err(RecvError::Closed) => false,
        }
    }

    async fn send(&mut self, picture: &Picture) -> bool {
        if picture.key {
            self.waits_for_key = false;
            self.resend.key_frame_begins(self.sequence_number);
        }
        let track = Arc::clone(&self.track);
        let Some(bound) = track.bound() else {
            return true;
        };
        let last = picture.payloads.len().saturating_sub(1);
        for (place, payload) in picture.payloads.iter().enumerate() {
            let packet = Packet {
                header: Header {
                    version: 2,
                    marker: place == last,
                    payload_type: bound.payload_type,
                    sequence_number: self.sequence_number,
                    timestamp: picture.timestamp,
                    ssrc: bound.ssrc,
                    ..Header::default()
                },
                payload: payload.clone(),
            };
            self.sequence_number = self.sequence_number.wrapping_add(1);
            self.seen.sent += 1;
            self.sent_bytes += payload.len();
            if !write(bound, &packet).await {
                return false;
            }
            self.resend.remember(packet, now());
        }
        true
    }

    async fn hear(&mut self, feedback: Feedback) -> bool {
        match feedback {
            Feedback::Missing(numbers) => return self.mend(numbers).await,
            Feedback::Lost(share) => self.lost_share = self.lost_share.max(share),
            Feedback::Estimate(kbps) => self.path.estimate(kbps),
            Feedback::NeedsKeyFrame => self.host.camera.key_frame(),
        }
        true
    }

    async fn mend(&mut self, numbers: Vec<u16>) -> bool {
        let track = Arc::clone(&self.track);
        let Some(bound) = track.bound() else {
            return true;
        };
        let mut past_mending = false;
        for number in numbers {
            match self.resend.answer(number, now()) {
                Answer::Resend(packet) => {
                    if !write(bound, &packet).await {
                        return false;
                    }
                }
                Answer::NotNow => {}
                Answer::Lost => past_mending = true,
            }
        }
        let now = now();
        let rescued_lately = self
            .rescued
            .is_some_and(|at| now.saturating_duration_since(at) < BETWEEN_RESCUES);
        if past_mending && !rescued_lately {
            tracing::debug!(viewer = %self.seat.id, "past mending, key frame");
            self.rescued = Some(now);
            self.host.camera.key_frame();
        }
        true
    }

    fn look(&mut self) {
        let now = now();
        let elapsed = now.saturating_duration_since(self.looked).as_secs_f64();
        self.looked = now;
        if elapsed <= 0.0 {
            return;
        }
        let mut seen = std::mem::take(&mut self.seen);
        #[expect(
            clippy::cast_precision_loss,
            reason = "half a second of video is small"
        )]
        let bits = std::mem::take(&mut self.sent_bytes) as f64 * 8.0;
        seen.sent_kbps = bits / 1000.0 / elapsed;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a u32"
        )]
        let reported = (std::mem::take(&mut self.lost_share) * f64::from(seen.sent)) as u32;
        seen.lost = self.resend.take_missed().max(reported);
        self.path.look(&seen, now);
        self.resend.stream_kbps(self.path.kbps());
        self.seat.set_kbps(self.path.kbps());
        tracing::trace!(
            viewer = %self.seat.id,
            ?seen,
            kbps = self.path.kbps(),
            "path"
        );
    }
}

/// False once the connection is gone.
async fn write(bound: &Bound, packet: &Packet) -> bool {
    match bound.writer.write_rtp(packet).await {
        Ok(_) => true,
        Err(error) => {
            tracing::debug!("a packet is not sent: {error}");
            !matches!(error, webrtc::Error::ErrClosedPipe)
        }
    }
}
