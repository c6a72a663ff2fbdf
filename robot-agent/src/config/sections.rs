//! The sections of `config.json`: defaults and bounds of every key, each read into the
//! settings of the room that it is for.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use wire::action::MAX_DURATION_MS;

use super::reader::Section;
use crate::drive::{Limits, Throttle};
use crate::motors::{self, Address, Driver, Gpio, Motor, Output, StopMode};
use crate::telemetry;

/// Shorter pulses are over before a gearbox moves.
const MIN_PULSE_MS: u64 = 10;

/// Older actions than a minute mean that a clock is wrong, not that a network is slow.
const MAX_STALE_MS: u64 = 60_000;

/// A robot that takes longer to reach its speed cannot be steered.
const MAX_RAMP_MS: u64 = 5_000;

/// The camera and who may watch.
#[derive(Clone, Debug, PartialEq)]
pub struct Video {
    /// Where pictures come from.
    pub source: Source,
    /// Which camera, where there are several.
    pub device: Option<String>,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Pictures a second.
    pub fps: u32,
    /// The bitrate to begin with, in kbit/s.
    pub bitrate_kbps: u32,
    /// The lowest bitrate that a bad network leads to.
    pub bitrate_kbps_min: u32,
    /// Who encodes.
    pub encoder: Encoder,
    /// Whether the source runs while nobody watches.
    pub warm: bool,
    /// How many may watch.
    pub viewers_max: u32,
}

/// Where pictures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The first camera that is there.
    Auto,
    /// The Raspberry Pi's camera stack.
    Libcamera,
    /// A USB camera.
    V4l2,
    /// A moving test picture.
    Test,
    /// No video.
    Off,
}

/// Who encodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoder {
    /// The best that is there.
    Auto,
    /// The hardware of a Raspberry Pi up to the 4.
    V4l2h264enc,
    /// x264.
    X264enc,
    /// OpenH264.
    Openh264enc,
}

/// Section `motors`.
pub(super) fn motors(section: &mut Section<'_>, folder: &Path) -> motors::Settings {
    let driver = section
        .one_of("driver", &Driver::ALL, Driver::word)
        .unwrap_or(Driver::ExplorerHat);
    let mut settings = motors::Settings::new(driver);
    settings.left = motor(&mut section.section("left"), driver, settings.left);
    settings.right = motor(&mut section.section("right"), driver, settings.right);
    if settings.left.output == settings.right.output {
        let both = settings.left.output.word();
        section.problem(
            "right.output",
            format!("is \"{both}\", and so is left.output: each wheel needs its own"),
        );
    }
    if let Some(stop) = section.one_of("stop", &StopMode::ALL, StopMode::word) {
        settings.stop = stop;
    }
    if let Some(bus) = section.text("i2c_bus") {
        settings.i2c_bus = folder.join(bus);
    }
    if let Some(address) = section.optional("address", Address::EXPECTED, address) {
        settings.address = address;
    }
    if let Some(gpio) = section.one_of("gpio", &Gpio::ALL, Gpio::word) {
        settings.gpio = gpio;
    }
    settings.transcript = section.text("transcript").map(|file| folder.join(file));
    settings
}

fn motor(section: &mut Section<'_>, driver: Driver, default: Motor) -> Motor {
    Motor {
        output: section
            .one_of("output", driver.outputs(), Output::word)
            .unwrap_or(default.output),
        invert: section.flag("invert", default.invert),
    }
}

/// 96 or "0x60".
fn address(value: &Value) -> Option<Address> {
    let number = match value.as_str() {
        Some(text) => u8::from_str_radix(text.strip_prefix("0x")?, 16).ok()?,
        None => u8::try_from(value.as_u64()?).ok()?,
    };
    Address::new(number)
}

/// Section `drive`.
pub(super) fn drive(section: &mut Section<'_>, driver: Driver) -> Limits {
    let speed = section
        .optional("speed", "a number above 0, at most 1", |value| {
            value.as_f64().filter(|speed| *speed > 0.0 && *speed <= 1.0)
        })
        .map_or(driver.default_speed(), Throttle::saturating);
    let pulse_max = section.integer("pulse_ms_max", MIN_PULSE_MS, MAX_DURATION_MS, 2000);
    let pulse = section.integer("pulse_ms", MIN_PULSE_MS, MAX_DURATION_MS, 200);
    if pulse > pulse_max {
        section.problem(
            "pulse_ms",
            format!("is {pulse}: it must be at most pulse_ms_max, which is {pulse_max}"),
        );
    }
    Limits {
        speed,
        pulse: Duration::from_millis(pulse),
        pulse_max: Duration::from_millis(pulse_max),
        stale: Duration::from_millis(section.integer("stale_ms", 0, MAX_STALE_MS, 1000)),
        ramp: Duration::from_millis(section.integer("ramp_ms", 0, MAX_RAMP_MS, 0)),
    }
}

/// Section `telemetry`.
pub(super) fn telemetry(section: &mut Section<'_>) -> telemetry::Settings {
    telemetry::Settings {
        interval: Duration::from_millis(section.integer("interval_ms", 100, 60_000, 1000)),
    }
}

/// Section `video`.
pub(super) fn video(section: &mut Section<'_>) -> Video {
    let source = section
        .one_of("source", &Source::ALL, Source::word)
        .unwrap_or(Source::Auto);
    let bitrate = small(section, "bitrate_kbps", 50, 20_000, 1500);
    let least = small(section, "bitrate_kbps_min", 50, 20_000, 150.min(bitrate));
    if least > bitrate {
        section.problem(
            "bitrate_kbps_min",
            format!("is {least}: it must be at most bitrate_kbps, which is {bitrate}"),
        );
    }
    Video {
        source,
        device: section.text("device"),
        width: even(section, "width", 160, 1920, 640),
        height: even(section, "height", 120, 1080, 480),
        fps: small(section, "fps", 1, 60, 30),
        bitrate_kbps: bitrate,
        bitrate_kbps_min: least,
        encoder: section
            .one_of("encoder", &Encoder::ALL, Encoder::word)
            .unwrap_or(Encoder::Auto),
        warm: section
            .one_of("standby", &[true, false], |warm| {
                if warm { "warm" } else { "cold" }
            })
            .unwrap_or(true),
        viewers_max: small(section, "viewers_max", 1, 10, 10),
    }
}

fn small(section: &mut Section<'_>, key: &'static str, min: u32, max: u32, default: u32) -> u32 {
    let number = section.integer(key, min.into(), max.into(), default.into());
    u32::try_from(number).unwrap_or(default)
}

/// H.264 halves the colour planes, so odd sizes do not exist.
fn even(section: &mut Section<'_>, key: &'static str, min: u32, max: u32, default: u32) -> u32 {
    let size = small(section, key, min, max, default);
    if !size.is_multiple_of(2) {
        section.problem(key, format!("is {size}: it must be even"));
    }
    size
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 5] = [
        Self::Auto,
        Self::Libcamera,
        Self::V4l2,
        Self::Test,
        Self::Off,
    ];

    /// The word in a configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Libcamera => "libcamera",
            Self::V4l2 => "v4l2",
            Self::Test => "test",
            Self::Off => "off",
        }
    }
}

impl Encoder {
    /// Every encoder.
    pub const ALL: [Self; 4] = [
        Self::Auto,
        Self::V4l2h264enc,
        Self::X264enc,
        Self::Openh264enc,
    ];

    /// The word in a configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::V4l2h264enc => "v4l2h264enc",
            Self::X264enc => "x264enc",
            Self::Openh264enc => "openh264enc",
        }
    }
}
