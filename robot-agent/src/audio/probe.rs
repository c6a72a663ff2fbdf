//! Opens the devices of sound once, as the robot would, to say whether they are there.

use std::sync::Arc;
use std::time::Duration;

use super::device::{Device, Direction};
use super::device_thread::DeviceControl;
use super::shared::{AudioConfig, Shared};
use super::{microphone, speaker};
use crate::clock::now;

/// How often to look whether it works.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The microphone: what it is, or what is wrong, in words; none where there is none. Blocks for up to `limit` and
/// as long as a driver does.
pub(crate) fn microphone(config: &AudioConfig, limit: Duration) -> Option<Result<String, String>> {
    let wanted = config.microphone != Device::Off;
    wanted.then(|| probe(config, Direction::Microphone, limit))
}

/// The same of the speaker, which plays silence.
pub(crate) fn speaker(config: &AudioConfig, limit: Duration) -> Option<Result<String, String>> {
    let wanted = config.speaker != Device::Off;
    wanted.then(|| probe(config, Direction::Speaker, limit))
}

fn probe(config: &AudioConfig, direction: Direction, limit: Duration) -> Result<String, String> {
    gstreamer::init().map_err(|error| format!("GStreamer does not start: {error}"))?;
    let shared = Arc::new(Shared::new(config.clone()));
    let control = match direction {
        Direction::Microphone => &shared.microphone,
        Direction::Speaker => &shared.speaker,
    };
    control.set_wanted(true);
    std::thread::scope(|scope| {
        scope.spawn(|| match direction {
            Direction::Microphone => microphone::run(&shared),
            Direction::Speaker => speaker::run(&shared),
        });
        let found = wait(control, limit);
        control.stop();
        found
    })
}

fn wait(control: &DeviceControl, limit: Duration) -> Result<String, String> {
    let until = now() + limit;
    loop {
        match (control.running(), control.fault()) {
            (Some(words), _) => return Ok(words),
            (None, Some(fault)) => return Err(fault),
            (None, None) if now() > until => return Err(format!("no sound within {limit:?}")),
            (None, None) => std::thread::sleep(LOOK_EVERY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_named_and_what_is_not_is_said() {
        let limit = Duration::from_secs(20);
        let config = AudioConfig {
            microphone: Device::Test,
            speaker: Device::Alsa("plughw:CARD=none".to_owned()),
            ..AudioConfig::OFF
        };
        assert_eq!(microphone(&config, limit), Some(Ok("test tone".to_owned())));
        let fault = speaker(&config, limit).unwrap().unwrap_err();
        assert!(fault.starts_with("speaker: "), "{fault}");
        assert_eq!(speaker(&AudioConfig::OFF, limit), None);
    }
}
