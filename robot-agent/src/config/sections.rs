//! The sections of `config.json`: defaults and bounds of every key, each read into the
//! settings of the module that it is for.

use std::path::Path;
use std::time::Duration;

use daemon::config::{Problem, Section};
use serde_json::Value;
use wire::action::MAX_DURATION_MS;

use crate::audio::{AudioConfig, Device};
use crate::drive::{Limits, PathLimits, Throttle};
use crate::motors::{self, Address, Driver, Gpio, Motor, Output, StopMode};
use crate::telemetry::TelemetryConfig;
use crate::video::camera::{CameraConfig, Encoder, Format, VideoSource};
use crate::video::{self, VideoConfig};

/// Shorter pulses are over before a gearbox moves.
const MIN_PULSE_MS: u64 = 10;

/// Older actions than a minute mean that a clock is wrong, not that a network is slow.
const MAX_STALE_MS: u64 = 60_000;

/// A robot that takes longer to reach its speed cannot be steered.
const MAX_RAMP_MS: u64 = 5_000;

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

/// Whether a problem with `key` leaves open which board there is or where: which way round a
/// motor is wired, or how it rests, does not matter to turning it off.
pub(super) fn hides_the_board(key: &str) -> bool {
    let of_motors = key.strip_prefix("motors.").is_some_and(|key| {
        let whose = key.split('.').next().unwrap_or(key);
        !["left", "right", "stop", "transcript"].contains(&whose)
    });
    of_motors || [Problem::WHOLE, "motors"].contains(&key)
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

/// From rest to full speed: a robot whose weight is 0.6 m above a base of 30 cm tips from
/// 2.5 m/s² on, and from rest to 0.5 m/s in 0.4 s is half of that.
const RAMP_MS: u64 = 400;

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
    let path = PathLimits::default();
    let whole_ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let slow_from = section.integer("slow_from_ms", 0, MAX_STALE_MS, whole_ms(path.slow_from));
    let turn_only_from = section.integer(
        "turn_only_from_ms",
        0,
        MAX_STALE_MS,
        whole_ms(path.turn_only_from),
    );
    if turn_only_from != 0 && slow_from > turn_only_from {
        section.problem(
            "slow_from_ms",
            format!(
                "is {slow_from}: it must be at most turn_only_from_ms, which is {turn_only_from}"
            ),
        );
    }
    Limits {
        speed,
        pulse: Duration::from_millis(pulse),
        pulse_max: Duration::from_millis(pulse_max),
        stale: Duration::from_millis(section.integer("stale_ms", 0, MAX_STALE_MS, 1000)),
        ramp: Duration::from_millis(section.integer("ramp_ms", 0, MAX_RAMP_MS, RAMP_MS)),
        path: PathLimits {
            slow_from: Duration::from_millis(slow_from),
            turn_only_from: Duration::from_millis(turn_only_from),
        },
    }
}

/// Section `telemetry`.
pub(super) fn telemetry(section: &mut Section<'_>) -> TelemetryConfig {
    TelemetryConfig {
        interval: Duration::from_millis(section.integer("interval_ms", 100, 60_000, 1000)),
    }
}

/// Section `video`.
pub(super) fn video(section: &mut Section<'_>, folder: &Path) -> VideoConfig {
    let source = section
        .one_of("source", &VideoSource::ALL, VideoSource::word)
        .unwrap_or(VideoSource::Auto);
    let bitrate = small(section, "bitrate_kbps", 50, 20_000, 1500);
    let least = small(section, "bitrate_kbps_min", 50, 20_000, 150.min(bitrate));
    if least > bitrate {
        section.problem(
            "bitrate_kbps_min",
            format!("is {least}: it must be at most bitrate_kbps, which is {bitrate}"),
        );
    }
    let [v4l2, x264, openh264] = Encoder::ALL.map(Some);
    let encoders = [None, v4l2, x264, openh264];
    let camera = CameraConfig {
        source,
        device: section.text("device"),
        format: Format {
            width: even(section, "width", 160, 1920, 640),
            height: even(section, "height", 120, 1080, 480),
            fps: small(section, "fps", 1, 60, 30),
        },
        bitrate_kbps: bitrate,
        painter: None,
        timestamp: timestamp(section, source),
        encoder: section
            .one_of("encoder", &encoders, |encoder| {
                encoder.map_or("auto", Encoder::name)
            })
            .flatten(),
        warm: section
            .one_of("standby", &[true, false], |warm| {
                if warm { "warm" } else { "cold" }
            })
            .unwrap_or(true),
    };
    let world_screen = section.text("world_screen").map(|file| folder.join(file));
    if world_screen.is_some() && source != VideoSource::World {
        let only = format!(
            "is for the source \"world\", and video.source is \"{}\"",
            source.word()
        );
        section.problem("world_screen", only);
    }
    VideoConfig {
        camera,
        world_screen,
        bitrate_kbps_min: least,
        viewers_max: section.integer("viewers_max", 1, 10, 10) as usize,
        connect_limit: video::CONNECT_LIMIT,
    }
}

/// Cameras' own pictures are in formats that nothing is burned into.
fn timestamp(section: &mut Section<'_>, source: VideoSource) -> bool {
    let asked = section.flag("timestamp", source == VideoSource::Test);
    if asked && ![VideoSource::Test, VideoSource::World].contains(&source) {
        let only = format!(
            "is for the sources \"test\" and \"world\", and video.source is \"{}\"",
            source.word()
        );
        section.problem("timestamp", only);
    }
    asked
}

/// Section `audio`. Sound is off until the owner names a device: nobody's room is heard by an update.
pub(super) fn audio(section: &mut Section<'_>, folder: &Path, video: VideoSource) -> AudioConfig {
    let mut device = |key| {
        let read = |value: &Value| Device::read(value.as_str()?, folder);
        let device = section.optional(key, Device::EXPECTED, read);
        let device = device.unwrap_or(Device::Off);
        if device != Device::Off && video == VideoSource::Off {
            let needs =
                "is set, but video.source is \"off\": sound comes and goes with a viewer's video";
            section.problem(key, needs.to_owned());
        }
        device
    };
    AudioConfig {
        microphone: device("microphone"),
        speaker: device("speaker"),
        muted: section.flag("muted", false),
        volume: small(section, "volume", 0, 100, 100),
        noise_suppression: section.flag("noise_suppression", true),
        gain_control: section.flag("gain_control", true),
        chime: section.flag("chime", true),
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
