//! What the threads of sound and all others share.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::broadcast;

use super::device::Device;
use super::device_thread::DeviceControl;
use super::voice::Voice;

/// Packets a listener may be behind: half a second.
const PACKETS_BEHIND: usize = 25;

/// What the owner of the robot chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioConfig {
    /// What hears.
    pub(crate) microphone: Device,
    /// What speaks.
    pub(crate) speaker: Device,
    /// Whether the microphone stays closed, whatever anybody asks for.
    pub(crate) muted: bool,
    /// Of the speaker, in percent.
    pub(crate) volume: u32,
    pub(crate) noise_suppression: bool,
    pub(crate) gain_control: bool,
    /// Whether a sound tells the room that somebody begins to watch or to listen.
    pub(crate) chime: bool,
}

impl AudioConfig {
    /// Neither hears nor speaks.
    #[cfg(test)]
    pub(crate) const OFF: Self = Self {
        microphone: Device::Off,
        speaker: Device::Off,
        muted: false,
        volume: 100,
        noise_suppression: false,
        gain_control: false,
        chime: false,
    };
}

/// 20 ms of the microphone, for all who listen.
pub(crate) struct SoundPacket {
    pub(crate) payload: Bytes,
    /// When its first sample was recorded; packets of one recording are exactly 20 ms apart.
    pub(crate) captured: Instant,
    /// Whether silence was before it.
    pub(crate) begins: bool,
}

pub(super) struct Shared {
    pub config: AudioConfig,
    pub microphone: Arc<DeviceControl>,
    pub speaker: Arc<DeviceControl>,
    pub packets: broadcast::Sender<Arc<SoundPacket>>,
    pub voice: Voice,
}

impl Shared {
    pub(super) fn new(config: AudioConfig) -> Self {
        Self {
            config,
            microphone: Arc::default(),
            speaker: Arc::default(),
            packets: broadcast::channel(PACKETS_BEHIND).0,
            voice: Voice::default(),
        }
    }
}
