//! Sound: the robot's microphone, encoded once for all who listen, and its speaker, for whoever
//! may speak. Each has a thread that opens the device when it is wanted and tries again when it
//! fails; neither ever holds up video or driving. Knows nothing of viewers but how many there are.
//!
//! - [`device`]: which microphone, which speaker.
//! - [`device_thread`]: a device opened, watched, and opened again.
//! - [`pipeline`]: GStreamer's part of both.
//! - [`microphone`]: source → Opus packets; [`packet_times`]: when each was recorded.
//! - [`voice`]: packets of who speaks, in their order, through [`jitter_buffer`], [`opus`] and [`decoder`].
//! - [`shared`]: what the threads and all others share; [`frame`]: how sound is measured.
//! - [`probe`]: the devices, for `check`; [`self_test`]: what the microphone hears of the speaker.
//! - [`speaker`]: voice and [`chime`], mixed, into the sink.

mod chime;
mod decoder;
mod device;
mod device_thread;
mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod jitter_buffer;
mod microphone;
mod opus;
mod packet_times;
mod pipeline;
pub(crate) mod probe;
pub(crate) mod self_test;
mod shared;
mod speaker;
#[cfg(test)]
mod tests;
mod voice;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::Context;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

pub(crate) use device::Device;
pub(crate) use frame::RATE;
pub(crate) use jitter_buffer::VoicePacket;
use shared::Shared;
pub(crate) use shared::{AudioConfig, SoundPacket};

/// The robot's ears and voice; clones are the same.
#[derive(Clone)]
pub(crate) struct Audio {
    shared: Arc<Shared>,
}

/// Holds the threads. Dropped, it closes the devices and waits for that, which blocks as long as a driver
/// does.
pub(crate) struct AudioThreads {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// Starts what the owner wants of sound. What cannot be started is logged: a robot drives without.
pub(crate) fn start(config: AudioConfig) -> (Audio, AudioThreads) {
    let (audio, mut threads) = idle(config);
    if let Err(error) = threads.start() {
        tracing::error!("no sound: {error:#}");
    }
    (audio, threads)
}

fn idle(config: AudioConfig) -> (Audio, AudioThreads) {
    let shared = Arc::new(Shared::new(config));
    let audio = Audio {
        shared: Arc::clone(&shared),
    };
    let threads = AudioThreads {
        shared,
        threads: Vec::new(),
    };
    (audio, threads)
}

impl Audio {
    /// Whether there is a microphone to hear with.
    pub(crate) fn hears(&self) -> bool {
        self.shared.config.microphone != Device::Off
    }

    /// Whether there is a speaker to speak with.
    pub(crate) fn speaks(&self) -> bool {
        self.shared.config.speaker != Device::Off
    }

    /// What the microphone hears from now on.
    pub(crate) fn packets(&self) -> broadcast::Receiver<Arc<SoundPacket>> {
        self.shared.packets.subscribe()
    }

    /// How many watch and how many of them listen: the devices are open for them only.
    pub(crate) fn set_audience(&self, viewers: usize, listeners: usize) {
        let Shared {
            microphone,
            speaker,
            voice,
            config,
            ..
        } = &*self.shared;
        microphone.set_wanted(listeners > 0);
        voice.set_audience(viewers, listeners, config.chime);
        speaker.set_wanted(viewers > 0);
    }

    /// What `talker` says, who may.
    pub(crate) fn speak(&self, talker: &Arc<str>, packet: VoicePacket, now: Instant) {
        self.shared.voice.receive(talker, packet, now);
    }

    /// What telemetry tells of sound; none where there is none.
    pub(crate) fn status(&self, now: Instant) -> Option<wire::telemetry::Audio> {
        if !self.hears() && !self.speaks() {
            return None;
        }
        let Shared {
            microphone,
            speaker,
            voice,
            config,
            ..
        } = &*self.shared;
        Some(wire::telemetry::Audio {
            microphone: self.hears(),
            muted: self.hears() && config.muted,
            microphone_fault: microphone.fault(),
            speaker: self.speaks(),
            speaker_fault: speaker.fault(),
            listeners: voice.listeners(),
            talker: voice.talker(now).map(|talker| talker.to_string()),
        })
    }
}

impl AudioThreads {
    fn start(&mut self) -> anyhow::Result<()> {
        let AudioConfig {
            microphone,
            speaker,
            muted,
            ..
        } = &self.shared.config;
        let (hears, speaks) = (
            *microphone != Device::Off && !muted,
            *speaker != Device::Off,
        );
        if hears || speaks {
            gstreamer::init().context("GStreamer does not start")?;
        }
        if hears {
            let shared = Arc::clone(&self.shared);
            self.spawn("microphone", move || microphone::run(&shared))?;
        }
        if speaks {
            let shared = Arc::clone(&self.shared);
            self.spawn("speaker", move || speaker::run(&shared))?;
        }
        Ok(())
    }

    fn spawn(
        &mut self,
        name: &'static str,
        work: impl FnOnce() + Send + 'static,
    ) -> anyhow::Result<()> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .with_context(|| format!("the {name} gets no thread"))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Holds them until then, and stops them without blocking the runtime.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        shutdown.cancelled().await;
        let _ = tokio::task::spawn_blocking(|| drop(self)).await;
    }
}

impl Drop for AudioThreads {
    fn drop(&mut self) {
        self.shared.microphone.stop();
        self.shared.speaker.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of sound panicked");
            }
        }
    }
}
