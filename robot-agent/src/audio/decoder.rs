//! Opus → samples, with what is missing made up from what is around it. Decodes on the caller's thread.

use std::collections::VecDeque;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;

use super::frame::{FRAME, RATE};

/// Decodes one stream. As packets carry some of the one before (RFC 6716, section 2.1.7), a packet is
/// only played once the next has come, or is known to be missing.
pub(super) struct Decoder {
    pipeline: gst::Pipeline,
    entry: gst::Pad,
    samples: AppSink,
    /// Where the next packet is in the stream.
    time: gst::ClockTime,
    /// Packets in a row of which nothing came.
    silent: u32,
}

/// More packets in a row of which nothing comes, and the decoder takes none any more: one is always held back.
const MAX_SILENT: u32 = 3;

const FRAME_TIME: gst::ClockTime = gst::ClockTime::from_mseconds(FRAME.as_millis() as u64);

impl Decoder {
    /// # Errors
    /// When GStreamer lacks something.
    pub(super) fn new() -> Result<Self, String> {
        // Without a limit of errors: whatever a viewer sends, the next packet may be sound again.
        let description = format!(
            "opusdec name=decoder plc=true use-inband-fec=true max-errors=-1 \
             ! audio/x-raw,format=S16LE,rate={RATE},channels=1,layout=interleaved \
             ! appsink name=samples sync=false async=false enable-last-sample=false"
        );
        let pipeline = gst::parse::launch(&description)
            .map_err(|error| format!("GStreamer cannot decode Opus: {error}"))?
            .downcast::<gst::Pipeline>()
            .map_err(|_| "GStreamer built no pipeline")?;
        let samples = pipeline
            .by_name("samples")
            .and_then(|sink| sink.downcast::<AppSink>().ok())
            .ok_or("the decoder has no end")?;
        let input = pipeline
            .by_name("decoder")
            .and_then(|decoder| decoder.static_pad("sink"))
            .ok_or("the decoder has no beginning")?;
        let entry = gst::Pad::builder(gst::PadDirection::Src).build();
        entry
            .link(&input)
            .map_err(|error| format!("the decoder cannot be linked: {error}"))?;
        let decoder = Self {
            pipeline,
            entry,
            samples,
            time: gst::ClockTime::ZERO,
            silent: 0,
        };
        decoder.begin()?;
        Ok(decoder)
    }

    fn begin(&self) -> Result<(), String> {
        let caps = gst::Caps::builder("audio/x-opus")
            .field("channel-mapping-family", 0)
            .field("channels", 1)
            .field("rate", i32::try_from(RATE).unwrap_or_default())
            .build();
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        let begun = self.pipeline.set_state(gst::State::Playing).is_ok()
            && self.entry.set_active(true).is_ok()
            && self.entry.push_event(gst::event::StreamStart::new("voice"))
            && self.entry.push_event(gst::event::Caps::new(&caps))
            && self.entry.push_event(gst::event::Segment::new(&segment));
        begun
            .then_some(())
            .ok_or_else(|| "the decoder does not start".to_owned())
    }

    /// Decodes a packet; samples that are ready are put into `to`. False once it decodes no more, as after
    /// packets that were no sound: then another is needed.
    #[must_use]
    pub(super) fn decode(&mut self, packet: Bytes, to: &mut VecDeque<i16>) -> bool {
        let before = to.len();
        let mut buffer = gst::Buffer::from_slice(packet);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(self.time);
            buffer.set_duration(FRAME_TIME);
        }
        self.time += FRAME_TIME;
        let pushed = self.entry.push(buffer);
        if let Err(error) = &pushed {
            tracing::debug!("a packet of sound is not decoded: {error}");
        }
        self.drain(to);
        self.silent = if to.len() > before {
            0
        } else {
            self.silent + 1
        };
        pushed.is_ok() && self.silent < MAX_SILENT
    }

    /// Makes up for a packet that is missing.
    pub(super) fn conceal(&mut self, to: &mut VecDeque<i16>) {
        let gap = gst::event::Gap::builder(self.time).duration(FRAME_TIME);
        self.time += FRAME_TIME;
        self.entry.push_event(gap.build());
        self.drain(to);
    }

    fn drain(&self, to: &mut VecDeque<i16>) {
        while let Some(sample) = self.samples.try_pull_sample(gst::ClockTime::ZERO) {
            if let Some(map) = sample
                .buffer()
                .and_then(|buffer| buffer.map_readable().ok())
            {
                let pairs = map.chunks_exact(2);
                to.extend(pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
            }
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let _ = self.entry.set_active(false);
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
