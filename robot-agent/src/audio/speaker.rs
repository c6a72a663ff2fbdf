//! The speaker: who speaks and what else is played, mixed, 20 ms at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;

use super::decoder::Decoder;
use super::device::{self, Device, Direction, quoted};
use super::device_thread;
use super::frame::{FRAME, FRAME_SAMPLES, RATE};
use super::jitter_buffer::Step;
use super::pipeline::Pipeline;
use super::shared::Shared;
use crate::clock::now;

/// So far behind, frames are left out rather than played late.
const BEHIND: Duration = Duration::from_millis(100);

/// From this level on the microphone could hear it: 46 dB below full scale.
const AUDIBLE: i16 = 160;

/// Until it is asked to stop.
pub(super) fn run(shared: &Arc<Shared>) {
    device_thread::run(Direction::Speaker, &shared.speaker, || run_once(shared));
}

fn run_once(shared: &Arc<Shared>) -> Result<(), String> {
    let (sink, device, words) = sink(&shared.config.speaker)?;
    let volume = f64::from(shared.config.volume) / 100.0;
    let description = format!(
        "appsrc name=sound is-live=true format=time max-time=200000000 leaky-type=downstream \
         caps=audio/x-raw,format=S16LE,rate={RATE},channels=1,layout=interleaved \
         ! volume volume={volume} ! audioconvert ! audioresample ! identity name=device silent=true{sink}"
    );
    let pipeline = Pipeline::build(&description, device)?;
    let to = pipeline.named("sound")?;
    let to = to
        .downcast_ref::<AppSrc>()
        .ok_or("the pipeline's beginning is no appsrc")?;
    pipeline.start(&shared.speaker, Direction::Speaker)?;
    tracing::info!("speaker: {words}");
    let mut mixer = Mixer::new(shared)?;
    let mut due = now();
    loop {
        let at = now();
        if at.saturating_duration_since(due) > BEHIND {
            due = at;
        }
        let played = to.push_buffer(buffer(&mixer.mix(at), &pipeline));
        if played.is_ok() {
            shared.speaker.works(&words);
        }
        due += FRAME;
        if !shared.speaker.wait(Some(due))? {
            tracing::info!("speaker: closed");
            return Ok(());
        }
    }
}

/// From the element `device` to the sink; the device where it is one, and in words.
fn sink(device: &Device) -> Result<(String, Option<gst::Element>, String), String> {
    match device {
        Device::Test => Ok((
            " ! fakesink sync=true".to_owned(),
            None,
            "nobody hears it".to_owned(),
        )),
        Device::File(path) => Ok((
            format!(
                " ! wavenc ! filesink sync=true buffer-mode=unbuffered location={}",
                quoted(path)
            ),
            None,
            path.display().to_string(),
        )),
        device => {
            let (element, words) = device::open(device, Direction::Speaker)?;
            Ok((String::new(), Some(element), words))
        }
    }
}

fn buffer(samples: &[i16], pipeline: &Pipeline) -> gst::Buffer {
    let bytes: Vec<u8> = samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(pipeline.running_time());
        buffer.set_duration(gst::ClockTime::from_mseconds(20));
    }
    buffer
}

struct Mixer<'a> {
    shared: &'a Shared,
    /// Of which talk the decoder is.
    talk: u64,
    decoder: Decoder,
    voice: VecDeque<i16>,
    /// A chime, or what else is played beside a voice.
    clip: VecDeque<i16>,
}

impl<'a> Mixer<'a> {
    fn new(shared: &'a Shared) -> Result<Self, String> {
        Ok(Self {
            shared,
            talk: 0,
            decoder: Decoder::new()?,
            voice: VecDeque::new(),
            clip: VecDeque::new(),
        })
    }

    /// The next 20 ms.
    fn mix(&mut self, now: Instant) -> Vec<i16> {
        self.fill_voice(now);
        if self.clip.is_empty()
            && let Some(clip) = self.shared.voice.take_clip()
        {
            self.clip = clip.into();
        }
        let next = |from: &mut VecDeque<i16>| from.pop_front().unwrap_or_default();
        let mixed: Vec<i16> = (0..FRAME_SAMPLES)
            .map(|_| next(&mut self.voice).saturating_add(next(&mut self.clip)))
            .collect();
        if mixed
            .iter()
            .any(|sample| sample.unsigned_abs() > AUDIBLE.unsigned_abs())
        {
            self.shared.voice.set_audible(now);
        }
        mixed
    }

    fn fill_voice(&mut self, now: Instant) {
        while self.voice.len() < FRAME_SAMPLES {
            let (talk, step) = self.shared.voice.next(now);
            if talk != self.talk {
                self.talk = talk;
                self.voice.clear();
                self.begin_decoding();
            }
            match step {
                Step::Packet(packet) => {
                    if !self.decoder.decode(packet, &mut self.voice) {
                        self.begin_decoding();
                    }
                }
                Step::Lost => self.decoder.conceal(&mut self.voice),
                Step::Silence => return,
            }
        }
    }

    fn begin_decoding(&mut self) {
        match Decoder::new() {
            Ok(decoder) => self.decoder = decoder,
            Err(error) => tracing::warn!("speaker: {error}"),
        }
    }
}
