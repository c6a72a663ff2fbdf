//! The microphone: its sound, cleaned as the owner wants, encoded once for all who listen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};

use super::device::{self, Device, Direction, quoted};
use super::device_thread;
use super::frame::RATE;
use super::packet_times::PacketTimes;
use super::pipeline::Pipeline;
use super::shared::{AudioConfig, Shared, SoundPacket};
use crate::clock::{now, wall};

/// Bits a second of sound: speech in full band (RFC 7587, section 3.1.1 gives 28 to 40 kbit/s), with room for
/// what repeats the packet before.
const BITRATE: u32 = 32_000;

/// The share of packets that the encoder reckons to lose, in percent: from here on packets repeat the one
/// before.
const EXPECTED_LOSS_PCT: u32 = 10;

/// A packet of so many bytes or fewer says that nothing is to be heard (RFC 6716, section 3.2.1), and is not
/// sent.
const SILENT_BYTES: usize = 2;

/// How often to see whether the microphone is to be lowered.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long it may give nothing before it counts as dead.
const SILENCE_LIMIT: Duration = Duration::from_secs(3);

/// How long it may give nothing but zeros before its owner is told.
const ZEROS_LIMIT: Duration = Duration::from_secs(5);

/// What hands over what no device does: 10 ms at a time, when they have passed.
const IN_TIME: &str =
    "audiobuffersplit output-buffer-duration=1/100 ! identity sync=true ts-offset=10000000 ! ";

/// Where the device is, and what is late is dropped.
const DEVICE: &str = "identity name=device silent=true ! queue leaky=downstream max-size-buffers=0 \
                      max-size-bytes=0 max-size-time=100000000 ! ";

const ONLY_ZEROS: &str = "microphone: nothing but digital silence: is it muted in the mixer (alsamixer, F4) or by a switch?";

/// Until it is asked to stop.
pub(super) fn run(shared: &Arc<Shared>) {
    device_thread::run(Direction::Microphone, &shared.microphone, || {
        run_once(shared)
    });
}

fn run_once(shared: &Arc<Shared>) -> Result<(), String> {
    let (source, device, words) = source(&shared.config.microphone)?;
    let is_device = device.is_some();
    let pipeline = Pipeline::build(&description(&source, &shared.config), device)?;
    if !is_device {
        pipeline.begin_on_a_second(wall());
    }
    let gain = pipeline.named("gain")?;
    let signal = Arc::new(Mutex::new(Signal::new(now())));
    watch_signal(&pipeline.named("device")?, &signal);
    deliver_packets(&pipeline.named("packets")?, shared)?;
    pipeline.start(&shared.microphone, Direction::Microphone)?;
    tracing::info!("microphone: {words}");
    loop {
        let now = now();
        gain.set_property("mute", shared.voice.is_audible(now));
        let heard = signal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .at(now);
        match heard {
            SignalState::Sound => shared.microphone.works(&words),
            SignalState::Waiting => {}
            SignalState::Zeros => shared.microphone.complain(ONLY_ZEROS),
            SignalState::Nothing => return Err(format!("no sound for {SILENCE_LIMIT:?}")),
        }
        if !shared.microphone.wait(Some(now + LOOK_EVERY))? {
            tracing::info!("microphone: closed");
            return Ok(());
        }
    }
}

/// What a microphone hears, as it is, while this is held.
pub(super) struct Recording {
    samples: Arc<Mutex<Vec<i16>>>,
    _pipeline: Pipeline,
}

impl Recording {
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn samples(&self) -> Vec<i16> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<i16>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins to record; what ends it, [`Shared::microphone`] says.
pub(super) fn record(shared: &Shared) -> Result<Recording, String> {
    let (source, device, _) = source(&shared.config.microphone)?;
    let description = format!(
        "{source}{DEVICE}{} ! appsink name=samples sync=false async=false \
         enable-last-sample=false",
        samples()
    );
    let pipeline = Pipeline::build(&description, device)?;
    let samples: Arc<Mutex<Vec<i16>>> = Arc::default();
    let sink = pipeline.named("samples")?;
    let sink = sink
        .downcast_ref::<AppSink>()
        .ok_or("the pipeline's end is no appsink")?;
    let to = Arc::clone(&samples);
    let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some(map) = sample
            .buffer()
            .and_then(|buffer| buffer.map_readable().ok())
        {
            let pairs = map.chunks_exact(2);
            let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
            to.extend(pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
        }
        Ok(gst::FlowSuccess::Ok)
    });
    sink.set_callbacks(callbacks.build());
    pipeline.start(&shared.microphone, Direction::Microphone)?;
    Ok(Recording {
        samples,
        _pipeline: pipeline,
    })
}

/// From the source to the element `device`; the device where it is one, and in words. A test tone and a file
/// begin on a whole second of this machine's clock, by which whoever hears them knows how old they are.
fn source(device: &Device) -> Result<(String, Option<gst::Element>, String), String> {
    match device {
        // A tone of 440 Hz and 200 ms, once a second.
        Device::Test => Ok((
            format!(
                "audiotestsrc wave=ticks freq=440 volume=0.3 sine-periods-per-tick=88 \
                 apply-tick-ramp=true tick-interval=1000000000 samplesperbuffer=480 ! {IN_TIME}"
            ),
            None,
            "test tone".to_owned(),
        )),
        Device::File(path) => {
            if let Err(error) = std::fs::File::open(path) {
                return Err(format!("{} cannot be read: {error}", path.display()));
            }
            let source = format!(
                "multifilesrc loop=true location={} ! wavparse ignore-length=true \
                 ! audioconvert ! {IN_TIME}",
                quoted(path)
            );
            Ok((source, None, path.display().to_string()))
        }
        device => {
            let (element, words) = device::open(device, Direction::Microphone)?;
            Ok((String::new(), Some(element), words))
        }
    }
}

fn description(source: &str, config: &AudioConfig) -> String {
    let mut cleaned = String::new();
    if config.noise_suppression || config.gain_control {
        cleaned = format!(
            " ! webrtcdsp echo-cancel=false noise-suppression={} gain-control={}",
            config.noise_suppression, config.gain_control
        );
    }
    let samples = samples();
    format!(
        "{source}{DEVICE}{samples}{cleaned} ! volume name=gain ! opusenc audio-type=voice bitrate={BITRATE} frame-size=20 inband-fec=true \
         packet-loss-percentage={EXPECTED_LOSS_PCT} dtx=true complexity=5 \
         ! appsink name=packets sync=false async=false enable-last-sample=false max-buffers=10"
    )
}

/// Whatever a device gives, as it is measured in here.
fn samples() -> String {
    format!(
        "audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate={RATE},channels=1,layout=interleaved"
    )
}

/// What came of the device last.
struct Signal {
    last: Option<Instant>,
    /// The last that was not zero, or the beginning.
    sound: Instant,
    begun: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignalState {
    Sound,
    Waiting,
    Zeros,
    Nothing,
}

impl Signal {
    fn new(now: Instant) -> Self {
        Self {
            last: None,
            sound: now,
            begun: now,
        }
    }

    fn came(&mut self, samples: &[u8], now: Instant) {
        self.last = Some(now);
        if samples.iter().any(|byte| *byte != 0) {
            self.sound = now;
        }
    }

    fn at(&self, now: Instant) -> SignalState {
        let since = |at| now.saturating_duration_since(at);
        match self.last {
            _ if since(self.last.unwrap_or(self.begun)) > SILENCE_LIMIT => SignalState::Nothing,
            None => SignalState::Waiting,
            Some(_) if since(self.sound) > ZEROS_LIMIT => SignalState::Zeros,
            Some(_) => SignalState::Sound,
        }
    }
}

fn watch_signal(device: &gst::Element, signal: &Arc<Mutex<Signal>>) {
    let Some(pad) = device.static_pad("src") else {
        return;
    };
    let signal = Arc::clone(signal);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(map) = info.buffer().and_then(|buffer| buffer.map_readable().ok()) {
            let mut signal = signal.lock().unwrap_or_else(PoisonError::into_inner);
            signal.came(&map, now());
        }
        gst::PadProbeReturn::Ok
    });
}

fn deliver_packets(sink: &gst::Element, shared: &Arc<Shared>) -> Result<(), String> {
    let sink = sink
        .downcast_ref::<AppSink>()
        .ok_or("the pipeline's end is no appsink")?;
    let packets = shared.packets.clone();
    let mut times = PacketTimes::default();
    let mut silent = true;
    let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let buffer = sample.buffer().ok_or(gst::FlowError::Error)?;
        let stamp = buffer.pts().unwrap_or_default();
        // What the pipeline has needed for it, so that sound and pictures agree.
        let age = sink
            .current_running_time()
            .and_then(|running| running.checked_sub(stamp));
        let now = now();
        let recorded = now
            .checked_sub(age.unwrap_or_default().into())
            .unwrap_or(now);
        let captured = times.captured(stamp.into(), recorded);
        let is_silent = buffer.size() <= SILENT_BYTES;
        if let Some(map) = buffer.map_readable().ok().filter(|_| !is_silent) {
            let packet = SoundPacket {
                payload: Bytes::copy_from_slice(&map),
                captured,
                begins: silent,
            };
            let _ = packets.send(Arc::new(packet));
        }
        silent = is_silent;
        Ok(gst::FlowSuccess::Ok)
    });
    sink.set_callbacks(callbacks.build());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_microphone_that_gives_nothing_is_told_from_one_that_gives_only_zeros() {
        let start = now();
        let mut signal = Signal::new(start);
        assert_eq!(signal.at(start), SignalState::Waiting);
        assert_eq!(signal.at(start + SILENCE_LIMIT * 2), SignalState::Nothing);
        signal.came(&[0, 1], start);
        assert_eq!(signal.at(start), SignalState::Sound);
        let later = start + ZEROS_LIMIT * 2;
        signal.came(&[0, 0], later);
        assert_eq!(signal.at(later), SignalState::Zeros);
        assert_eq!(signal.at(later + SILENCE_LIMIT * 2), SignalState::Nothing);
        signal.came(&[1], later);
        assert_eq!(signal.at(later), SignalState::Sound);
    }
}
