//! Which microphone and which speaker: as the config says it, and as GStreamer finds it.

use std::path::{Path, PathBuf};

use gstreamer::prelude::*;

/// What `audio.microphone` and `audio.speaker` may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// None.
    Off,
    /// The first that this machine has.
    Auto,
    /// A tone once a second, or a speaker that nobody hears.
    Test,
    /// By the name that ALSA knows it by.
    Alsa(String),
    /// By the name that the server of PulseAudio or PipeWire knows it by; its own choice if there is none.
    Pulse(Option<String>),
    /// A WAV file: played again and again as a microphone, written as a speaker.
    File(PathBuf),
}

impl Device {
    /// In words, for who wrote something else.
    pub(crate) const EXPECTED: &str = "\"off\", \"auto\", \"test\", \"alsa:\" with a name that arecord -L or \
                                       aplay -L lists, \"pulse\", \"pulse:\" with a name that pactl list short \
                                       lists, or \"file:\" with the path of a WAV file";

    /// A relative path of a file counts from `folder`.
    pub(crate) fn read(text: &str, folder: &Path) -> Option<Self> {
        Some(match text.split_once(':') {
            None if text == "off" => Self::Off,
            None if text == "auto" => Self::Auto,
            None if text == "test" => Self::Test,
            None if text == "pulse" => Self::Pulse(None),
            Some(("alsa", name)) if !name.is_empty() => Self::Alsa(name.to_owned()),
            Some(("pulse", name)) if !name.is_empty() => Self::Pulse(Some(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Self::File(folder.join(path)),
            _ => return None,
        })
    }
}

/// Which end of sound a device is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Microphone,
    Speaker,
}

impl Direction {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Microphone => "microphone",
            Self::Speaker => "speaker",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Microphone => "Audio/Source",
            Self::Speaker => "Audio/Sink",
        }
    }

    /// The element of one of GStreamer's plugins: `src` or `sink`.
    fn element(self, plugin: &str) -> String {
        match self {
            Self::Microphone => format!("{plugin}src"),
            Self::Speaker => format!("{plugin}sink"),
        }
    }
}

/// Samples that a device holds, in microseconds. Fewer and a busy Pi crackles.
const BUFFER_US: i64 = 80_000;

/// How many of them are handed over at a time.
const PERIOD_US: i64 = 10_000;

/// The device as an element, and in words; an error says what is missing and what to do.
pub(super) fn open(
    device: &Device,
    direction: Direction,
) -> Result<(gstreamer::Element, String), String> {
    let (element, words) = match device {
        Device::Alsa(name) => named(direction, "alsa", "gstreamer1.0-alsa", Some(name))?,
        Device::Pulse(name) => {
            let package = "gstreamer1.0-plugins-good";
            named(direction, "pulse", package, name.as_deref())?
        }
        _ => first(direction)?,
    };
    for (property, value) in [("buffer-time", BUFFER_US), ("latency-time", PERIOD_US)] {
        if element.has_property(property) {
            element.set_property(property, value);
        }
    }
    Ok((element, words))
}

/// As GStreamer's descriptions have it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn named(
    direction: Direction,
    plugin: &str,
    package: &str,
    name: Option<&str>,
) -> Result<(gstreamer::Element, String), String> {
    let factory = direction.element(plugin);
    let element = gstreamer::ElementFactory::make(&factory)
        .build()
        .map_err(|_| format!("GStreamer has no {factory}: install {package}"))?;
    if let Some(name) = name {
        element.set_property("device", name);
    }
    let words = name.map_or(plugin.to_owned(), |name| format!("{plugin}:{name}"));
    Ok((element, words))
}

/// The first that GStreamer's device providers list, but for what only plays back to itself.
fn first(direction: Direction) -> Result<(gstreamer::Element, String), String> {
    let monitor = gstreamer::DeviceMonitor::new();
    monitor.add_filter(Some(direction.class()), None);
    if monitor.start().is_err() {
        return Err(none(direction));
    }
    let devices = monitor.devices();
    monitor.stop();
    let found = devices.into_iter().find(|device| !is_monitor(device));
    let device = found.ok_or_else(|| none(direction))?;
    let words = device.display_name().to_string();
    let element = device
        .create_element(None)
        .map_err(|error| format!("{words} cannot be opened: {error}"))?;
    Ok((element, words))
}

/// What a speaker plays, as a microphone.
fn is_monitor(device: &gstreamer::Device) -> bool {
    let class = device.properties().and_then(|properties| {
        let class = properties.get::<String>("device.class");
        class.ok()
    });
    class.as_deref() == Some("monitor")
}

fn none(direction: Direction) -> String {
    let word = direction.word();
    let package = if gstreamer::ElementFactory::find("alsasrc").is_none() {
        "GStreamer has no ALSA: install gstreamer1.0-alsa"
    } else {
        "is it plugged in, and is this user in the group audio?"
    };
    format!("no {word} found: {package} (audio.{word} says which)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Device> {
        Device::read(text, Path::new("/etc/robot"))
    }

    #[test]
    fn a_device_is_read_as_it_is_written() {
        for (text, device) in [
            ("off", Device::Off),
            ("auto", Device::Auto),
            ("test", Device::Test),
            ("pulse", Device::Pulse(None)),
            ("pulse:jabra", Device::Pulse(Some("jabra".to_owned()))),
            (
                "alsa:plughw:CARD=USB,DEV=0",
                Device::Alsa("plughw:CARD=USB,DEV=0".to_owned()),
            ),
            ("file:a.wav", Device::File("/etc/robot/a.wav".into())),
            ("file:/tmp/a.wav", Device::File("/tmp/a.wav".into())),
        ] {
            assert_eq!(read(text), Some(device), "{text}");
        }
        for text in ["", "Auto", "hw:1,0", "alsa:", "pulse:", "file:", "mic"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_named_by_its_word() {
        gstreamer::init().unwrap();
        assert!(none(Direction::Microphone).contains("audio.microphone"));
        let (_, words) = open(&Device::Alsa("hw:9".to_owned()), Direction::Speaker).unwrap();
        assert_eq!(words, "alsa:hw:9");
    }
}
